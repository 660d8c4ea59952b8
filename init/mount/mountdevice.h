/* SPDX-License-Identifier: MIT */
/* The block device of a mount: the one that the mount names, or the disk that is to become it. */
#pragma once

#include "base/strv.h"
#include "init/devices/device.h"
#include "init/plan/plan.h"

/* Returns the device, owned by the list, or NULL if there is none (yet).
 *
 * With x-run-vm.disk=DISK a filesystem with the label of the mount on DISK, or on a partition of
 * it, takes precedence over those on other disks. If DISK has none, but nothing else either as far
 * as libblkid knows, or a filesystem of the mount's type without any label, it is DISK itself. */
struct device *mountdevice_find(struct device_list *devices, const struct plan_mount *mount);

/* Appends what `mount` still waits for: its device, or its disk. */
void mountdevice_missing(struct device_list *devices, const struct plan_mount *mount,
                         struct strv *missing);

/* Returns the label in the mount's device specification, which the caller frees; NULL: none. */
char *mountdevice_label(const struct plan_mount *mount);
