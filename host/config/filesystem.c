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

/* True if the path is a layer of the entry's overlay, after which init mounts it anyway. */
static bool is_layer(const json_t *entry, const char *path)
{
    static const char *const single[] = {"overlay.upperdir", "overlay.workdir"};
    struct strv lower CLEANUP_STRV = {0};

    value_texts(&lower, json_object_get(entry, "overlay.lowerdir"));
    if (strv_contains(&lower, path))
        return true;
    for (size_t i = 0; i < ELEMENTS(single); i++) {
        const char *layer = value_text(entry, single[i]);

        if (layer && streq(layer, path))
            return true;
    }
    return false;
}

static void decode_depends(struct strv *depends, const json_t *entry)
{
    struct strv paths CLEANUP_STRV = {0};

    value_texts(&paths, json_object_get(entry, "depends"));
    for (size_t i = 0; i < paths.count; i++)
        if (!is_layer(entry, paths.items[i]))
            strv_push(depends, paths.items[i]);
}

void filesystem_decode(struct filesystems *filesystems, const char *option, json_t *value)
{
    const char *name;
    json_t *entry;
    void *next;

    json_object_foreach_safe(value, next, name, entry) if (!is_true(entry, "enable"))
        json_object_del(value, name);
    filesystems->option = option;
    filesystems->value = json_incref(value);
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
            .initrd_layers = json_is_array(json_object_get(entry, "overlay.lowerdir")) &&
                             !is_true(entry, "overlay.useStage1BaseDirectories"),
        };
        value_texts(&decoded->options, json_object_get(entry, "options"));
        decode_depends(&decoded->depends, entry);
    }
}

void filesystem_free(struct filesystems *filesystems)
{
    for (size_t i = 0; i < filesystems->count; i++) {
        strv_free(&filesystems->items[i].options);
        strv_free(&filesystems->items[i].depends);
    }
    free(filesystems->items);
    json_decref(filesystems->value);
    *filesystems = (struct filesystems){0};
}
