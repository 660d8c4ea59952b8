/* SPDX-License-Identifier: MIT */
/* Disk images that hold nothing, which the guest need not read to know it. */
#pragma once

#include <stdbool.h>

#include "common/stamp.h"

/* Puts the stamp (common/stamp.h) with `word` on the disk in the image at `path`, if the disk holds
 * nothing but an earlier stamp at most. The earlier one's word is not used again: a copy of the
 * image has it as well, and may hold something by now. `format` is what QEMU is told that the image
 * is, NULL: QEMU finds out. `made`: the image was made by this start, and is not under its name
 * yet.
 *
 * True when the stamp is on it. False when that cannot be told at once (anything but a raw file
 * with holes or a plain qcow2 image), when it may hold something, when somebody else uses the image
 * or it cannot be written: then it is as it was. */
bool blankdisk_stamp(const char *path, const char *format, const char *word, bool made);
