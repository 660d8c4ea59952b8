/* SPDX-License-Identifier: MIT */
/* Which drives init is asked to format if they are blank: the host looks at them before the start,
 * so that init need not read them. A wrong guess costs time and nothing else: init believes only
 * the stamp that is on the disk itself. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/mountspec.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

static const char *drive_option(const json_t *drive, const char *list, const char *name)
{
    return json_string_value(json_object_get(json_object_get(drive, list), name));
}

/* Whether the guest calls the drive so: by its place, or by its serial number. */
static bool is_called(const struct planner *p, const json_t *drive, size_t index,
                      const char *device)
{
    static const char links[] = "/dev/disk/by-id/";
    char *name CLEANUP_FREE = disk_interface_node(p->disks, index);
    const char *serial = drive_option(drive, "deviceExtraOpts", "serial");
    size_t length = strlen(device);

    if (name && streq(device, name))
        return true;
    if (!serial || !*serial || strncmp(device, links, strlen(links)) != 0 ||
        length <= strlen(links) + strlen(serial))
        return false;
    const char *end = device + length - strlen(serial);
    return streq(end, serial) && strchr("-_", end[-1]);
}

/* Whether what is in the drive's file is the disk, as far as its options go: with any that is not
 * known here (readonly, snapshot, offset, backing.file.filename) it may be another. */
static bool is_its_file(const json_t *drive)
{
    static const char *const known[] = {"index",  "id",     "if",  "format",  "cache",
                                        "werror", "rerror", "aio", "discard", "detect-zeroes"};
    json_t *options = json_object_get(drive, "driveExtraOpts");
    const char *name;
    json_t *value;

    json_object_foreach (options, name, value) {
        size_t i = 0;

        while (i < ELEMENTS(known) && !streq(name, known[i]))
            i++;
        if (i == ELEMENTS(known))
            return false;
    }
    return true;
}

static void add_disk(struct plan *plan, const char *cwd, const char *path, const char *format)
{
    plan->blank = xreallocarray(plan->blank, plan->blank_count + 1, sizeof *plan->blank);
    plan->blank[plan->blank_count++] = (struct plan_blank){
        .path = path_absolute(cwd, path), .format = *format ? xstrdup(format) : NULL};
}

static void add_device(struct planner *p, const char *device, const char *options)
{
    char *makefs CLEANUP_FREE = options ? mount_option(options, "x-systemd.makefs") : NULL;
    json_t *drive;
    size_t i;

    if (!makefs || !device)
        return;
    json_array_foreach (config_get(p->config, "virtualisation.qemu.drives"), i, drive)
        if (i < p->drive_files.count && is_called(p, drive, i, device) && is_its_file(drive))
            add_disk(p->plan, p->plan->cwd, p->drive_files.items[i], p->drive_formats.items[i]);
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
