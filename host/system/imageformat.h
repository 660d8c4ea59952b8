/* SPDX-License-Identifier: MIT */
/* Decides whether a disk image is raw. QEMU guesses an image's format from its first bytes, and the
 * guest of a raw image can write those: with a forged header it could have the next QEMU open any
 * file of the host as the backing file. Images found to be raw are therefore recorded as such, in
 * an extended attribute. */
#pragma once

#include "base/error.h"

enum imageformat {
    IMAGE_UNKNOWN,     /* missing, unreadable, or with a header: left to QEMU */
    IMAGE_RAW,         /* a block device without a header, or a file recorded as raw */
    IMAGE_RAW_NEW,     /* raw, and to be recorded before a guest writes to it */
    IMAGE_RAW_NEVER,   /* raw, but the file cannot be recorded */
    IMAGE_RAW_CHANGED, /* recorded as raw, but with the header of another format */
    IMAGE_AMBIGUOUS,   /* a block device with a header; a device cannot be recorded */
};

/* Examines the image. `header` becomes the format that its first bytes belong to; NULL: none. The
 * text is static. */
enum imageformat imageformat_find(const char *path, const char **header);

/* Records that the file is raw. Returns 0, or a negative errno with the reason. */
int imageformat_record_raw(const char *path, struct error *e);
