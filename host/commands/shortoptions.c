/* SPDX-License-Identifier: MIT */
#include "host/commands/shortoptions.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/units.h"
#include "host/config/guestplace.h"
#include "host/config/size.h"
#include "host/system/path.h"
#include "host/system/shell.h"

/* Adds a setting whose value the argument is. */
static int add_plain(struct config *config, const struct commandline_option *option,
                     const char *typed, const char *argument, struct error *e)
{
    char *setting CLEANUP_FREE =
        xasprintf("%s=%s", option->setting, option->argument ? argument : "true");

    return setting_add_as(config, typed, setting, e);
}

int shortoptions_add(struct config *config, const struct commandline *syntax, const char *typed,
                     const char *argument, struct error *e)
{
    const struct commandline_option *option = commandline_find(syntax, typed);
    struct setting_value value CLEANUP_SETTING_VALUE = {0};
    struct error reason CLEANUP_ERROR = {0};

    if (!option->setting)
        return setting_add(config, argument, e);
    if (!option->convert)
        return add_plain(config, option, typed, argument, e);
    value.option = xstrdup(option->setting);
    int r = option->convert(&value, argument, &reason);
    if (r < 0)
        return error_set(e, r, "%s: %s", typed, reason.message);
    return setting_add_value(config, typed, &value, e);
}

const char *shortoptions_divert_cores(const char *typed, const char *argument)
{
    if (!streq(typed, "-c") || argument[strspn(argument, "0123456789")] == '\0')
        return NULL;
    log_warning("warning: -c %s: is taken as a configuration, which is to be given as -C; -c will "
                "only be the number of cores.",
                argument);
    return "config";
}

/* --- arguments in several parts --- */

/* Splits at colons. \: is a colon of a part, and \\ a backslash. */
static void split(struct strv *parts, const char *text)
{
    char *part CLEANUP_FREE = xcalloc(strlen(text) + 1, 1);
    size_t length = 0;

    for (; *text; text++) {
        if (*text == ':') {
            strv_take(parts, xstrndup(part, length));
            length = 0;
            continue;
        }
        if (*text == '\\' && (text[1] == ':' || text[1] == '\\'))
            text++;
        part[length++] = *text;
    }
    strv_take(parts, xstrndup(part, length));
}

/* Makes the value one of the element `name` of the set that it was of. */
static void enter(struct setting_value *value, const char *name)
{
    char *element = xasprintf("%s.\"%s\"", value->option, name);

    free(value->option);
    value->option = element;
}

/* --- shares --- */

/* The longest tag that QEMU takes, and what one begins with that is made here. */
#define TAG_LENGTH 31
#define TAG        "dir"

/* The tag of a share, which follows from the mount point, so that no two have the same one: the
 * mount point's name, or a hash where that is too long or has other characters. */
static char *share_tag(const char *target)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./";
    char *tag CLEANUP_FREE = xasprintf(TAG "%s", target);
    struct sha256 sum;
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX];

    if (strlen(tag) <= TAG_LENGTH && !target[strspn(target, plain)]) {
        for (char *c = tag; *c; c++)
            if (*c == '/')
                *c = '_';
        return TAKE(tag);
    }
    sha256_begin(&sum);
    sha256_feed(&sum, target, strlen(target));
    sha256_end(&sum, digest);
    sha256_hex(digest, hex);
    return xasprintf(TAG "-%.16s", hex);
}

/* Resolves a path of the caller's. Returns 0, or -EINVAL with the reason. */
static int resolve(char **path, const char *text, struct error *e)
{
    char cwd[PATH_MAX];
    struct error reason CLEANUP_ERROR = {0};
    const char *problem = path_tilde_problem(text);

    if (problem)
        return error_set(e, -EINVAL, "\"%s\" %s", text, problem);
    if (!getcwd(cwd, sizeof cwd))
        return error_errno(e, errno, "the working directory");
    if (path_resolve(path, cwd, text, &reason) < 0)
        return error_set(e, -EINVAL, "\"%s\": %s", text, reason.message);
    return 0;
}

/* The mount point of a share for which none is given; the caller frees. */
static char *default_target(const char *source)
{
    char *name CLEANUP_FREE = path_last_name(source);

    return xasprintf("/mnt/%s", *name && !streq(name, "/") ? name : "host");
}

/* Checks that the guest neither hides a part of itself by a share that it may write to, nor deletes
 * what is in it. A directory inside one of its own is named on purpose. */
static int check_target(const char *source, const char *target, bool read_only, struct error *e)
{
    enum guestplace place = guestplace_of(target);
    char *framed CLEANUP_FREE = xasprintf("%s/", target);

    if (strstr(framed, "/../"))
        return error_set(e, -EINVAL, "%s has \"..\", expected a path in the guest without it",
                         target);
    if (path_is_same(target, "/"))
        return error_set(e, -EINVAL,
                         "/ is the guest's root: share %s elsewhere (%s:/mnt/host), or boot it "
                         "(--root-dir %s)",
                         source, source, source);
    if (read_only || place == GUESTPLACE_FREE || place == GUESTPLACE_INSIDE)
        return 0;
    return error_set(e, -EINVAL,
                     "%s " GUESTPLACE_TAKEN ": share %s elsewhere (%s:/mnt/host), or read-only "
                     "(%s:%s:ro)",
                     target, source, source, source, target);
}

/* Removes the slashes at the end of a mount point. */
static void trim(char *target)
{
    for (size_t length = strlen(target); length > 1 && target[length - 1] == '/'; length--)
        target[length - 1] = '\0';
}

int shortoptions_share(struct setting_value *value, const char *argument, struct error *e)
{
    struct strv parts CLEANUP_STRV = {0};
    char *source CLEANUP_FREE = NULL;

    split(&parts, argument);
    const char *last = parts.items[parts.count - 1];
    bool read_only = parts.count > 1 && streq(last, "ro");
    size_t count = parts.count - (read_only || (parts.count > 1 && streq(last, "rw")));
    if (count > 2 || !*parts.items[0] || (count == 2 && *parts.items[1] != '/'))
        return error_set(
            e, -EINVAL,
            "is \"%s\", expected SRC[:DST][:ro], such as src:/src:ro: a directory of "
            "the host, and a path in the guest that begins with / (a colon in either is "
            "written \\:)",
            argument);
    int r = resolve(&source, parts.items[0], e);
    if (r < 0)
        return r;
    char *target CLEANUP_FREE = count == 2 ? xstrdup(parts.items[1]) : default_target(source);
    trim(target);
    r = check_target(parts.items[0], target, read_only, e);
    if (r < 0)
        return r;
    char *tag CLEANUP_FREE = share_tag(target);
    char *quoted CLEANUP_FREE = shell_quote(source);
    enter(value, tag);
    value->value =
        json_pack("{s:s, s:s, s:b}", "source", quoted, "target", target, "writable", !read_only);
    return 0;
}

/* --- ports --- */

/* Reads a port; false: it is none. The type of the option knows the range. */
static bool read_port(const char *text, json_int_t *port)
{
    *port = strtol(text, NULL, 10);
    return *text && strlen(text) <= 9 && !text[strspn(text, "0123456789")];
}

/* Removes the protocol at the end of an argument, and returns it. */
static const char *cut_protocol(char *text)
{
    static const char *const protocols[] = {"tcp", "udp"};
    char *slash = strrchr(text, '/');

    for (size_t i = 0; slash && i < ELEMENTS(protocols); i++)
        if (streq(slash + 1, protocols[i])) {
            *slash = '\0';
            return protocols[i];
        }
    return "tcp";
}

int shortoptions_port(struct setting_value *value, const char *argument, struct error *e)
{
    struct strv parts CLEANUP_STRV = {0};
    char *text CLEANUP_FREE = xstrdup(argument);
    const char *protocol = cut_protocol(text);
    json_int_t host = 0;
    json_int_t guest = 0;

    strv_split(&parts, text, ':');
    size_t count = parts.count;
    if (count < 2 || count > 3 || !read_port(parts.items[count - 2], &host) ||
        !read_port(parts.items[count - 1], &guest) || guest == 0)
        return error_set(e, -EINVAL,
                         "is \"%s\", expected [ADDRESS:]HOST:GUEST[/udp], such as 8080:80: a port "
                         "of the host (0: a free one) and one of the guest",
                         argument);
    if (host == 0 && streq(protocol, "udp"))
        return error_set(e, -EINVAL,
                         "is \"%s\", expected a port of the host: a free one is chosen only for "
                         "tcp, since QEMU cannot take over a udp port that is held for it",
                         argument);
    value->value =
        json_pack("[{s:s, s:{s:s, s:o}, s:{s:I}}]", "proto", protocol, "host", "address",
                  count == 3 ? parts.items[0] : "127.0.0.1", "port",
                  host ? json_integer(host) : json_string("auto"), "guest", "port", guest);
    return 0;
}

/* --- disks --- */

static void set_option(struct setting_value *value, const char *option)
{
    free(value->option);
    value->option = xstrdup(option);
}

int shortoptions_disk(struct setting_value *value, const char *argument, struct error *e)
{
    char *path CLEANUP_FREE = NULL;
    uint64_t bytes;

    if (size_parse(argument, MIB, &bytes)) { /* the type of the option knows which are right */
        bool plain = !argument[strspn(argument, "0123456789")];

        set_option(value, "virtualisation.emptyDiskImages");
        value->value =
            plain ? json_pack("[I]", (json_int_t)(bytes / MIB)) : json_pack("[s]", argument);
        return 0;
    }
    int r = *argument ? resolve(&path, argument, e) : 0;
    if (r < 0)
        return r;
    if (!path || access(path, F_OK) < 0)
        return error_set(e, -EINVAL,
                         "is \"%s\", expected a size such as 20G, or a disk image that exists",
                         argument);
    char *quoted CLEANUP_FREE = shell_quote(path);
    set_option(value, "virtualisation.qemu.drives");
    value->value = json_pack("[{s:s}]", "file", quoted);
    return 0;
}

int shortoptions_fresh(struct setting_value *value, const char *argument, struct error *e)
{
    (void)argument;
    (void)e;
    value->value = json_string("discard");
    return 0;
}

int shortoptions_ro(struct setting_value *value, const char *argument, struct error *e)
{
    (void)argument;
    (void)e;
    value->value = json_string("refuse");
    return 0;
}

/* --- display --- */

int shortoptions_display(struct setting_value *value, const char *argument, struct error *e)
{
    static const struct {
        const char *name;
        bool graphics;
        bool vnc;
    } displays[] = {{"none", false, false}, {"window", true, false}, {"vnc", true, true}};

    for (size_t i = 0; i < ELEMENTS(displays); i++) {
        if (!streq(displays[i].name, argument))
            continue;
        free(value->option);
        value->option = NULL;
        value->value = json_pack("{s:{s:b}}", "virtualisation", "graphics", displays[i].graphics);
        if (displays[i].graphics)
            json_object_set_new(value->value, "runVm", json_pack("{s:b}", "vnc", displays[i].vnc));
        return 0;
    }
    return error_set(e, -EINVAL, "is \"%s\", expected one of none, window, vnc", argument);
}
