/* SPDX-License-Identifier: MIT */
#include "host/machine/qemuoption.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Options without a value (QEMU's qemu-options.hx, 4.0 to 9.0). */
static const char *const flags[] = {
    "S",
    "alt-grab",
    "async-teardown",
    "audio-help",
    "ctrl-grab",
    "curses",
    "daemonize",
    "enable-fips",
    "enable-hax",
    "enable-kvm",
    "enable-sync-profile",
    "full-screen",
    "h",
    "help",
    "mem-prealloc",
    "no-acpi",
    "no-fd-bootchk",
    "no-frame",
    "no-hpet",
    "no-quit",
    "no-reboot",
    "no-shutdown",
    "no-user-config",
    "nodefaults",
    "nodefconfig",
    "nographic",
    "old-param",
    "only-migratable",
    "portrait",
    "preconfig",
    "s",
    "sdl",
    "semihosting",
    "show-cursor",
    "singlestep",
    "snapshot",
    "usb",
    "version",
    "win2k-hack",
    "xen-attach",
    "xen-domid-restrict",
};

static bool takes_value(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(flags); i++)
        if (streq(flags[i], name))
            return false;
    return true;
}

bool qemu_option_next(const struct strv *words, size_t *at, struct qemu_option *option)
{
    if (*at >= words->count)
        return false;
    const char *word = words->items[(*at)++];
    *option = (struct qemu_option){.name = "", .value = word};
    if (word[0] != '-')
        return true;
    option->name = word + (word[1] == '-' ? 2 : 1);
    bool valued = takes_value(option->name) && *at < words->count;
    option->value = valued ? words->items[(*at)++] : NULL;
    return true;
}

const char *qemu_option_find(const struct strv *words, const char *name)
{
    struct qemu_option option;
    const char *found = NULL;
    for (size_t at = 0; qemu_option_next(words, &at, &option);)
        if (streq(option.name, name))
            found = option.value ? option.value : "";
    return found;
}

const char *qemu_option_find_with(const struct strv *words, const char *name, const char *item)
{
    struct qemu_option option;
    const char *found = NULL;
    for (size_t at = 0; qemu_option_next(words, &at, &option);)
        if (streq(option.name, name) && option.value && qemu_option_has_item(option.value, item))
            found = option.value;
    return found;
}

/* Returns the end of the item at `item`: a comma that is not doubled, or the end of the list. */
static const char *item_end(const char *item)
{
    const char *end = strchrnul(item, ',');
    while (end[0] == ',' && end[1] == ',')
        end = strchrnul(end + 2, ',');
    return end;
}

const char *qemu_option_item(const char *value, const char *key, size_t *length)
{
    size_t key_length = strlen(key);
    const char *found = NULL;
    for (const char *from = value, *end;; from = end + 1) {
        end = item_end(from);
        const char *text = NULL;
        if (!key_length && from == value && !memchr(from, '=', (size_t)(end - from)))
            text = from;
        else if (key_length && !strncmp(from, key, key_length) && from[key_length] == '=')
            text = from + key_length + 1;
        if (text && text <= end) {
            found = text;
            *length = (size_t)(end - text);
        }
        if (!*end)
            return found;
    }
}

bool qemu_option_has_item(const char *value, const char *item)
{
    size_t length = strlen(item);
    for (const char *from = value, *end;; from = end + 1) {
        end = item_end(from);
        if ((size_t)(end - from) == length && !strncmp(from, item, length))
            return true;
        if (!*end)
            return false;
    }
}
