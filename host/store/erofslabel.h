/* SPDX-License-Identifier: MIT */
/* The label of an erofs image, which mkfs.erofs can set only since erofs-utils 1.7. */
#pragma once

#include "base/error.h"

/* Sets the label, of at most 16 bytes, of the image at `path`, and the checksum of its superblock;
 * leaves a file that is no erofs image as it is. Returns 0, or a negative errno with the reason. */
int erofslabel_set(const char *path, const char *label, struct error *e);
