/* SPDX-License-Identifier: MIT */
#include "host/commands/connectvolumes.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/plan/elsewhere.h"
#include "host/system/path.h"

/* Files of the plan that are made here: those that are sent, and their directory. */
#define MADE_HERE                                                                                  \
    (1U << FILE_TEMPORARY | 1U << FILE_INITRD | 1U << FILE_KERNEL | 1U << FILE_STORE_IMAGE)

static void add_file(struct connectvolumes *volumes, const char *prefix, char **path)
{
    const struct connectvolume volume = {.prefix = prefix, .path = path};

    ARRAY_PUSH(volumes->items, volumes->count, volume);
}

/* Adds a disk: the root is NAME.qcow2, another NAME-emptyN.qcow2. */
static void add_disk(struct connectvolumes *volumes, const struct plan *plan,
                     const struct plan_file *file, char **path)
{
    bool is_root = plan->image && path_is_same(file->path, plan->image);
    const struct connectvolume volume = {
        .suffix = is_root ? xstrdup(".qcow2") : xasprintf("-%s", text_after_last(file->path, '/')),
        .path = path,
        .volume.bytes = file->bytes,
    };

    ARRAY_PUSH(volumes->items, volumes->count, volume);
}

static void add_drive(struct connectvolumes *volumes, const struct plan *plan,
                      struct model_drive *drive)
{
    const struct plan_file *file = elsewhere_drive_file(plan, drive);
    bool is_store = file->kind == FILE_STORE_IMAGE;

    if (is_store)
        add_file(volumes, "store", &drive->file);
    else
        add_disk(volumes, plan, file, &drive->file);
    free(drive->format);
    drive->format = xstrdup(is_store ? "raw" : "qcow2");
}

void connectvolumes_collect(struct connectvolumes *volumes, struct plan *plan)
{
    for (size_t i = 0; i < plan->machine.count; i++) {
        struct model_item *item = &plan->machine.items[i];

        if (item->kind == MODEL_DRIVE)
            add_drive(volumes, plan, &item->drive);
        if (item->kind == MODEL_KERNEL) {
            add_file(volumes, "kernel", &item->kernel.image);
            add_file(volumes, "initrd", &item->kernel.initrd);
        }
    }
    plan_keep_files(plan, MADE_HERE);
}

int connectvolumes_name(struct connectvolumes *volumes, struct error *e)
{
    int r = 0;

    for (size_t i = 0; i < volumes->count && r == 0; i++) {
        struct connectvolume *item = &volumes->items[i];

        if (item->prefix)
            r = volumes_name_contents(&item->volume, item->prefix, *item->path, e);
    }
    return r;
}

/* Names the disk of this machine, in place of the last one's. */
static void name_disk(struct connectvolume *item, const char *name)
{
    free(item->volume.name);
    free(item->volume.path);
    item->volume.name = xasprintf("%s%s", name, item->suffix);
    item->volume.path = NULL;
}

int connectvolumes_provide(struct connectvolumes *volumes, const struct virsh *virsh,
                           const char *name, struct error *e)
{
    struct volume **missing CLEANUP_FREE = xcalloc(volumes->count, sizeof *missing);
    size_t count = 0;

    for (size_t i = 0; i < volumes->count; i++) {
        struct connectvolume *item = &volumes->items[i];

        if (!item->prefix)
            name_disk(item, name);
        if (!item->volume.path)
            missing[count++] = &item->volume;
    }
    int r = volumes_provide(virsh, missing, count, e);
    for (size_t i = 0; i < volumes->count && r == 0; i++) {
        struct connectvolume *item = &volumes->items[i];

        free(*item->path);
        *item->path = xstrdup(item->volume.path);
    }
    return r;
}

void connectvolumes_free(struct connectvolumes *volumes)
{
    for (size_t i = 0; i < volumes->count; i++) {
        volumes_free(&volumes->items[i].volume);
        free(volumes->items[i].suffix);
    }
    free(volumes->items);
}
