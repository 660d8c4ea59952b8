/* SPDX-License-Identifier: MIT */
/* Carries out the mounts of the boot plan. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "init/devices/device.h"
#include "init/devices/hotplug.h"
#include "init/devices/modules.h"
#include "init/plan/plan.h"

/* Where the root is mounted until it becomes "/". */
#define MOUNT_ROOT "/sysroot"

/* What mounting needs, and what it leaves behind. */
struct mounter {
    struct modules *modules;
    struct hotplug *hotplug;
    struct device_list *devices;
    const struct strv *stamps; /* vm.blank */
    int root;                  /* O_PATH descriptor of the mounted root; -1 before */
};

/* Waits until every block device that the plan names is there, `timeout` seconds in all. Returns
 * 0; -ENODEV with a message that names those missing and those that exist. A device that only
 * mounts with "nofail" want is not waited for. */
int mount_wait_for_devices(struct mounter *mounter, const struct boot_plan *plan, uint64_t timeout,
                           struct error *e);

/* Mounts everything in the plan's order, formatting and growing where that is asked for. Returns
 * 0 or a negative errno with the reason; a failed mount with "nofail" is logged. */
int mount_all(struct mounter *mounter, const struct boot_plan *plan, struct error *e);
