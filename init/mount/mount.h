/* SPDX-License-Identifier: MIT */
/* Carries out the mounts of the boot plan. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "init/devices/device.h"
#include "init/devices/hotplug.h"
#include "init/devices/modules.h"
#include "init/plan/plan.h"

/* The mount point of the root until it becomes "/". */
#define MOUNT_ROOT "/sysroot"

/* Inputs of mounting, and its result, the root. */
struct mounter {
    struct modules *modules;
    struct hotplug *hotplug;
    struct device_list *devices;
    const struct strv *stamps; /* vm.blank: words of the host's stamps on blank disks */
    int root;                  /* O_PATH descriptor of the mounted root; -1 before */
};

/* Waits at most `timeout` seconds until all block devices of the plan exist, except those of mounts
 * with "nofail". Returns 0; -ENODEV with a message that names the missing and the existing devices;
 * or another negative errno with the reason. */
int mount_wait_for_devices(struct mounter *mounter, const struct boot_plan *plan, uint64_t timeout,
                           struct error *e);

/* Mounts everything in the plan's order, and formats and grows filesystems as the plan says.
 * Returns 0 or a negative errno with the reason; logs the failure of a mount with "nofail". */
int mount_all(struct mounter *mounter, const struct boot_plan *plan, struct error *e);
