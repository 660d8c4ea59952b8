/* SPDX-License-Identifier: MIT */
/* Whether a disk image is raw. QEMU guesses the format of an image by its first bytes, and a guest
 * may write those of a raw one: with a header of its own it would have QEMU read any file of the
 * host's as its backing file the next time. So what was raw once is recorded with the file. */
#pragma once

#include "base/error.h"

enum imageformat {
    IMAGE_UNKNOWN,     /* not there, not readable, or with a header: QEMU finds out */
    IMAGE_RAW,         /* a block device without a header, or a file whose record says so */
    IMAGE_RAW_NEW,     /* raw, and to be recorded before a guest writes to it */
    IMAGE_RAW_NEVER,   /* raw, but nothing can be recorded with the file */
    IMAGE_RAW_CHANGED, /* recorded as raw, and has the header of another format */
    IMAGE_AMBIGUOUS,   /* a block device with a header: nothing can be recorded with it */
};

/* Looks. `header` becomes the format that the image's first bytes are of, NULL for none. Static. */
enum imageformat imageformat_find(const char *path, const char **header);

/* Records that the file is raw. 0, or a negative errno with the reason. */
int imageformat_record_raw(const char *path, struct error *e);
