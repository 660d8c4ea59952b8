/* SPDX-License-Identifier: MIT */
/* Finds the drives that init formats if they are blank: the host looks at them before the start, so
 * that init need not read them. A wrong guess costs time and nothing else: init believes only the
 * stamp that is on the disk itself. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "common/mountspec.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* True if `device` is the guest's name of the drive: by its number, or by its serial number. */
static bool is_called(const struct planner *p, size_t index, const char *device)
{
    char *name CLEANUP_FREE = disk_interface_node(p->disks, index);

    if (name && streq(device, name))
        return true;
    const char *serial = drive_option_find(&p->config->drives.items[index].device, "serial");
    const char *link = startswith(device, "/dev/disk/by-id/");

    if (!serial || !*serial || !link || strlen(link) <= strlen(serial))
        return false;
    const char *end = link + strlen(link) - strlen(serial);

    return streq(end, serial) && strchr("-_", end[-1]);
}

/* True if udev leaves the serial number as it is in the name of its link. */
static bool is_plain_serial(const char *serial)
{
    return serial && *serial &&
           serial[strspn(serial, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

char *planner_root_disk(const struct planner *p)
{
    for (size_t i = 0; i < p->config->drives.count; i++) {
        const struct drive *drive = &p->config->drives.items[i];
        const char *serial = drive_option_find(&drive->device, "serial");

        if (!drive->name || !streq(drive->name, "root"))
            continue;
        if (streq(p->disks->name, "virtio") && is_plain_serial(serial))
            return xasprintf("/dev/disk/by-id/virtio-%s", serial);
        return disk_interface_node(p->disks, i);
    }
    return NULL;
}

/* True if the disk is the drive's file, as far as its options tell: with one that is not known here
 * (readonly, snapshot, offset, backing.file.filename) the disk may be something else. */
static bool is_its_file(const struct drive *drive)
{
    static const char *const known[] = {"index",  "id",     "if",  "format",  "cache",
                                        "werror", "rerror", "aio", "discard", "detect-zeroes"};

    for (size_t i = 0; i < drive->backend.count; i++) {
        size_t j = 0;

        while (j < ELEMENTS(known) && !streq(drive->backend.items[i].key, known[j]))
            j++;
        if (j == ELEMENTS(known))
            return false;
    }
    return true;
}

static void add_disk(struct plan *plan, const struct model_drive *drive)
{
    bool told = drive->format && *drive->format;
    const struct plan_blank blank = {.path = path_absolute(plan->cwd, drive->file),
                                     .format = told ? xstrdup(drive->format) : NULL};

    ARRAY_PUSH(plan->blank, plan->blank_count, blank);
}

/* Adds the disk of a mount if its options ask init to format a blank device. */
static void add_device(struct planner *p, const char *device, const char *options)
{
    char *makefs CLEANUP_FREE = options ? mount_option(options, "x-systemd.makefs") : NULL;
    char *disk CLEANUP_FREE = options ? mount_option(options, PLANNER_DISK_OPTION) : NULL;

    if (!makefs || !device)
        return;
    if (disk)
        device = disk;
    for (size_t i = 0; i < p->plan->machine.count; i++) {
        const struct model_item *item = &p->plan->machine.items[i];

        if (item->kind != MODEL_DRIVE)
            continue;
        size_t number = item->drive.index - 1;
        if (is_called(p, number, device) && is_its_file(&p->config->drives.items[number]))
            add_disk(p->plan, &item->drive);
    }
}

void plan_blank_disks(struct planner *p)
{
    const struct guest_params *params = &p->params;

    if (qemu_option_find(&p->given, "snapshot"))
        return;
    add_device(p, params->root, params->rootflags);
    for (size_t i = 0; i < params->mounts.count; i++)
        add_device(p, params->mounts.items[i].what, params->mounts.items[i].options);
}
