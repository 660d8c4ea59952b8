/* SPDX-License-Identifier: MIT */
#include "init/plan/mountoptions.h"

#include <errno.h>
#include <libmount/libmount.h>
#include <string.h>
#include <sys/mount.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "common/mountspec.h"

#define PROPAGATION (MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE)

/* Option for init: the disk of a device that is named by its label. */
#define DISK "x-run-vm.disk="

/* Option for init: a path whose mounts come first. */
#define REQUIRES "x-systemd.requires-mounts-for="

/* More options for init rather than the kernel. */
static const struct {
    const char *name;
    size_t flag; /* offset of a bool in struct mountoptions */
} own_options[] = {
    {"x-systemd.makefs", offsetof(struct mountoptions, makefs)},
    {"x-systemd.growfs", offsetof(struct mountoptions, growfs)},
    {"x-run-vm.if-empty", offsetof(struct mountoptions, if_empty)},
    {"nofail", offsetof(struct mountoptions, nofail)},
};

/* Options that mount(8) implements in user space, and init does not. */
static const char *const unsupported[] = {
    "loop", "offset", "sizelimit", "encryption", "verity.hashdevice", "verity.roothash",
};

static bool is_option(const char *option, const char *name)
{
    const char *rest = startswith(option, name);
    return rest && (*rest == '\0' || *rest == '=');
}

static int read_user_option(struct mountoptions *options, const char *option, struct error *e)
{
    const char *disk = startswith(option, DISK);
    if (disk) {
        free(options->disk);
        options->disk = mount_unescape(disk);
    }
    const char *required = startswith(option, REQUIRES);
    if (required)
        strv_take(&options->requires, mount_unescape(required));
    for (size_t i = 0; i < ELEMENTS(own_options); i++)
        if (is_option(option, own_options[i].name))
            *(bool *)((char *)options + own_options[i].flag) = true;
    for (size_t i = 0; i < ELEMENTS(unsupported); i++)
        if (is_option(option, unsupported[i]))
            return error_set(e, -EINVAL, "option \"%s\" is not supported before stage 2", option);
    return 0;
}

static int read_user_options(struct mountoptions *options, const char *text, struct error *e)
{
    struct strv list CLEANUP_STRV = {0};
    strv_split(&list, text, ',');
    for (size_t i = 0; i < list.count; i++) {
        int r = read_user_option(options, list.items[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static void read_flags(struct mountoptions *options, const char *text)
{
    unsigned long flags = 0;
    (void)mnt_optstr_get_flags(text, &flags, mnt_get_builtin_optmap(MNT_LINUX_MAP));
    if (flags & PROPAGATION) {
        options->propagation = flags & (PROPAGATION | MS_REC);
        flags &= ~(unsigned long)PROPAGATION;
        if (!(flags & MS_BIND))
            flags &= ~(unsigned long)MS_REC;
    }
    options->flags = flags;
}

int mountoptions_parse(struct mountoptions *options, const char *text, struct error *e)
{
    *options = (struct mountoptions){0};
    if (!text || !*text) {
        options->data = xstrdup("");
        return 0;
    }
    char *user CLEANUP_FREE = NULL;
    char *flags CLEANUP_FREE = NULL;
    int r = mnt_split_optstr(text, &user, &flags, &options->data, 0, 0);
    if (r < 0)
        return error_set(e, r, "\"%s\" is not a list of mount options (a quote is not closed)",
                         text);
    if (!options->data)
        options->data = xstrdup("");
    read_flags(options, flags ? flags : "");
    r = read_user_options(options, user ? user : "", e);
    if (r < 0)
        mountoptions_free(options);
    return r;
}

char *mountoptions_take(struct mountoptions *options, const char *name)
{
    struct strv list CLEANUP_STRV = {0};
    struct strv rest CLEANUP_STRV = {0};
    char *value = NULL;
    strv_split(&list, options->data, ',');
    for (size_t i = 0; i < list.count; i++) {
        const char *option = list.items[i];
        if (!is_option(option, name)) {
            strv_push(&rest, option);
            continue;
        }
        free(value);
        size_t length = strlen(name);
        value = xstrdup(option[length] ? option + length + 1 : "");
    }
    if (value) {
        free(options->data);
        options->data = strv_join(&rest, ",");
    }
    return value;
}

void mountoptions_free(struct mountoptions *options)
{
    free(options->data);
    free(options->disk);
    strv_free(&options->requires);
    *options = (struct mountoptions){0};
}
