/* SPDX-License-Identifier: MIT */
#include "host/machine/frozenargv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "host/machine/qemuargv.h"

/* The id of the machine's memory. */
#define MEMORY "run-vm-frozen"

/* Copies the list of items, not their texts. The caller frees it alone. */
static struct model copy_items(const struct model *model)
{
    struct model copy = {.program = model->program};

    for (size_t i = 0; i < model->count; i++)
        model_add(&copy, model->items[i]);
    return copy;
}

/* Removes the kernel, which is in the memory already: QEMU would read it for nothing. */
static void remove_kernel(struct model *model)
{
    size_t count = 0;

    for (size_t i = 0; i < model->count; i++)
        if (model->items[i].kind != MODEL_KERNEL)
            model->items[count++] = model->items[i];
    model->count = count;
}

/* Gives the copy of a drive zeros in place of its image. The guest must not read them. */
static void blank(struct model_drive *drive)
{
    static char zeros[] = "null-co://";
    static char raw[] = "raw";
    static char key[] = "file.read-zeroes";
    static char on[] = "on";
    static struct model_property properties[] = {{key, on}};

    drive->file = zeros;
    drive->format = raw;
    drive->snapshot = false;
    drive->backend = (struct model_properties){properties, ELEMENTS(properties)};
}

static void blank_drives(struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->items[i].kind == MODEL_DRIVE)
            blank(&model->items[i].drive);
}

/* Forwarded ports are for the run's machine: a client would be cut off, or the port be taken. */
static void remove_forwards(struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->items[i].kind == MODEL_NETWORK)
            model->items[i].network.forward_count = 0;
}

void frozenargv_write(const struct model *model, const char *memory, uint64_t bytes, bool made,
                      struct strv *argv)
{
    struct model machine = copy_items(model);
    char *path CLEANUP_FREE = qemuargv_escape(memory);

    if (made) {
        blank_drives(&machine);
        remove_forwards(&machine);
    } else {
        remove_kernel(&machine);
    }
    qemuargv_write(&machine, argv);
    free(machine.items);
    strv_push(argv, "-object");
    strv_pushf(argv, "memory-backend-file,id=" MEMORY ",size=%" PRIu64 ",mem-path=%s,share=%s",
               bytes, path, made ? "on" : "off");
    strv_push(argv, "-machine");
    strv_push(argv, "memory-backend=" MEMORY);
    if (made)
        return;
    strv_push(argv, "-incoming");
    strv_push(argv, "defer");
}

/* Takes out of the copy of an item what only the host sees. */
static void blind(struct model_item *item)
{
    static char nothing[] = "";

    if (item->kind == MODEL_NAME)
        item->text = nothing;
    else if (item->kind == MODEL_SHARE)
        item->share.path = nothing;
    else if (item->kind == MODEL_KERNEL)
        item->kernel.image = item->kernel.initrd = nothing;
}

void frozenargv_fingerprint(const struct model *model, struct strv *texts)
{
    struct model blinded = copy_items(model);

    for (size_t i = 0; i < blinded.count; i++)
        blind(&blinded.items[i]);
    blank_drives(&blinded);
    remove_forwards(&blinded);
    qemuargv_write(&blinded, texts);
    free(blinded.items);
}
