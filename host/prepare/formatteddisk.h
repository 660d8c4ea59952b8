/* SPDX-License-Identifier: MIT */
/* Disk images that the host formats, for an initrd that does not format its root. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Makes the qcow2 image `path`, which must not exist, of a disk of `bytes` with an ext4 that has
 * `label`. Each image gets a UUID of its own. Returns 0, or a negative errno with the reason; the
 * caller then removes what is at `path`. */
int formatteddisk_make(const char *path, const char *qemu_img, const char *label, uint64_t bytes,
                       struct error *e);
