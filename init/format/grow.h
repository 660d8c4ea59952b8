/* SPDX-License-Identifier: MIT */
/* x-systemd.growfs: grows a mounted ext4 to the size of its device. */
#pragma once

#include "base/error.h"

/* Grows the ext4 mounted at `where` to the size of its device, by the kernel's online resize.
 * Returns 1 if it grew; 0 if it fills the device already (except less than a block group's
 * overhead, which ext4 cannot use); or a negative errno with the reason. */
int grow_mounted(const char *where, struct error *e);
