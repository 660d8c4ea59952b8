/* SPDX-License-Identifier: MIT */
/* Marks disk images that hold nothing, so that the guest need not read the disk to know it. */
#pragma once

#include <stdbool.h>

#include "common/stamp.h"

/* Writes a stamp (common/stamp.h) with `word` to the disk in the image at `path`, if the disk is
 * blank except for an earlier stamp. The word of that one is never reused: a copy of the image
 * bears it, too, and may hold data by now. `format` is the image's, as QEMU is told; NULL: QEMU
 * detects it. `made` says that this start has made the image, which does not have its final name
 * yet.
 *
 * Returns true if the disk bears the stamp. Returns false and leaves the image as it was if it may
 * hold data, if finding out would take long (any image but a raw file with holes and a plain
 * qcow2), if another process uses it, or if it cannot be written. */
bool blankdisk_stamp(const char *path, const char *format, const char *word, bool made);
