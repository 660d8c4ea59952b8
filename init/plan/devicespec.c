/* SPDX-License-Identifier: MIT */
#include "init/plan/devicespec.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"

/* "NAME=value" of fstab and root=. */
static const struct {
    const char *name;
    enum devicespec_key key;
} tags[] = {
    {"LABEL=", DEVICESPEC_LABEL},
    {"UUID=", DEVICESPEC_UUID},
    {"PARTLABEL=", DEVICESPEC_PARTLABEL},
    {"PARTUUID=", DEVICESPEC_PARTUUID},
};

/* Directories of udev's symlinks. */
static const struct {
    const char *path;
    enum devicespec_key key;
} links[] = {
    {"/dev/disk/by-label/", DEVICESPEC_LABEL},
    {"/dev/disk/by-uuid/", DEVICESPEC_UUID},
    {"/dev/disk/by-partlabel/", DEVICESPEC_PARTLABEL},
    {"/dev/disk/by-partuuid/", DEVICESPEC_PARTUUID},
    {"/dev/disk/by-id/", DEVICESPEC_SERIAL},
};

static bool is_tag(const char *text)
{
    for (size_t i = 0; i < ELEMENTS(tags); i++)
        if (startswith(text, tags[i].name))
            return true;
    return false;
}

/* Removes one pair of quotes around the text; the caller frees. */
static char *unquote(const char *text)
{
    size_t length = strlen(text);
    char quote = text[0];
    if (length >= 2 && (quote == '"' || quote == '\'') && text[length - 1] == quote)
        return xstrndup(text + 1, length - 2);
    return xstrdup(text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    int letter = tolower((unsigned char)c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Decodes udev's \xNN escapes in the buffer itself. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        int high = from[0] == '\\' && from[1] == 'x' ? hex_digit(from[2]) : -1;
        int low = high >= 0 ? hex_digit(from[3]) : -1;
        if (low >= 0 && (high || low)) {
            *to++ = (char)(high * 16 + low);
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* Splits "virtio-SERIAL-part2" into the serial number, without "BUS-", and the partition. */
static void split_id(struct devicespec *spec)
{
    char *part = NULL;
    for (char *at = spec->value; (at = strstr(at, "-part")); at++)
        part = at;
    if (part && part[5] && strspn(part + 5, "0123456789") == strlen(part + 5)) {
        spec->partition = (unsigned)strtoul(part + 5, NULL, 10);
        *part = '\0';
    }
    char *bus = strchr(spec->value, '-');
    if (bus)
        memmove(spec->value, bus + 1, strlen(bus + 1) + 1);
}

static int complete(struct devicespec *spec, const char *text, struct error *e)
{
    if (*spec->value)
        return 0;
    devicespec_free(spec);
    return error_set(e, -EINVAL, "%s: names no device: a name must follow", text);
}

static int parse_path(const char *text, const char *path, struct devicespec *spec, struct error *e)
{
    for (size_t i = 0; i < ELEMENTS(links); i++) {
        const char *value = startswith(path, links[i].path);
        if (!value)
            continue;
        spec->key = links[i].key;
        spec->value = xstrdup(value);
        unescape(spec->value);
        if (spec->key == DEVICESPEC_SERIAL)
            split_id(spec);
        return complete(spec, text, e);
    }
    if (startswith(path, "/dev/disk/"))
        return error_set(e, -EINVAL,
                         "%s: of /dev/disk only by-label, by-uuid, by-partlabel, by-partuuid and "
                         "by-id are known before udev runs",
                         text);
    spec->key = DEVICESPEC_PATH;
    spec->value = xstrdup(path + strlen("/dev/"));
    return complete(spec, text, e);
}

int devicespec_parse(const char *text, struct devicespec *spec, struct error *e)
{
    *spec = (struct devicespec){0};
    for (size_t i = 0; i < ELEMENTS(tags); i++) {
        const char *value = startswith(text, tags[i].name);
        if (!value)
            continue;
        spec->key = tags[i].key;
        spec->value = unquote(value);
        return complete(spec, text, e);
    }
    char *path CLEANUP_FREE = unquote(text);
    if (!startswith(path, "/dev/"))
        return error_set(e, -EINVAL,
                         "%s: not a block device: expected /dev/NAME, LABEL=, UUID=, PARTLABEL= or "
                         "PARTUUID=",
                         text);
    return parse_path(text, path, spec, e);
}

bool devicespec_is_device(const char *text)
{
    char *path CLEANUP_FREE = unquote(text);
    return is_tag(text) || (startswith(path, "/dev/") && path[strlen("/dev/")]);
}

void devicespec_free(struct devicespec *spec)
{
    free(spec->value);
    *spec = (struct devicespec){0};
}
