/* SPDX-License-Identifier: MIT */
#include "host/config/filesystem.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/value.h"

/* utils.pathsNeededForBoot of NixOS: stage 2 cannot start without these. */
static bool is_needed(const char *where)
{
    static const char *const needed[] = {"/",        "/nix",     "/nix/store",     "/var",
                                         "/var/log", "/var/lib", "/var/lib/nixos", "/etc",
                                         "/usr"};

    for (size_t i = 0; i < ELEMENTS(needed); i++)
        if (streq(needed[i], where))
            return true;
    return false;
}

static bool is_true(const json_t *entry, const char *name)
{
    return json_is_true(json_object_get(entry, name));
}

void filesystem_decode(struct filesystems *filesystems, json_t *value)
{
    const char *name;
    json_t *entry;

    filesystems->items = xcalloc(json_object_size(value), sizeof *filesystems->items);
    json_object_foreach (value, name, entry) {
        const char *where = value_text(entry, "mountPoint");
        const char *type = value_text(entry, "fsType");
        struct filesystem *decoded = &filesystems->items[filesystems->count++];

        *decoded = (struct filesystem){
            .where = where,
            .device = value_text(entry, "device"),
            .type = type ? type : "auto",
            .auto_format = is_true(entry, "autoFormat"),
            .needed_for_boot = where && (is_needed(where) || is_true(entry, "neededForBoot")),
        };
        value_texts(&decoded->options, json_object_get(entry, "options"));
    }
}

void filesystem_free(struct filesystems *filesystems)
{
    for (size_t i = 0; i < filesystems->count; i++)
        strv_free(&filesystems->items[i].options);
    free(filesystems->items);
    *filesystems = (struct filesystems){0};
}
