/* SPDX-License-Identifier: MIT */
/* Grows a disk image: the guest's disk becomes larger, and what is on it stays. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Grows the raw or qcow2 image to `bytes`, by qemu-img, which refuses an image that a QEMU has
 * open. A crash leaves the old size or the new one. An image of that size stays as it is. Returns
 * 0, or a negative errno with the reason: a larger image, or one that is neither a raw file nor
 * qcow2. */
int growdisk(const char *qemu_img, const char *path, uint64_t bytes, struct error *e);
