/* SPDX-License-Identifier: MIT */
/* x-systemd.growfs: a mounted ext4 grows to the size of its device. */
#pragma once

#include "base/error.h"

/* Grows the ext4 mounted at `where` to the device under it, by the kernel's online resize.
 * Returns 1 when it grew, 0 when it fills its device already (or all but less than a block
 * group's overhead, which ext4 cannot use), a negative errno when it could not. */
int grow_mounted(const char *where, struct error *e);
