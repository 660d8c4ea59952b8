/* SPDX-License-Identifier: MIT */
/* Whether a device may be formatted. The one place where that is decided. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strv.h"
#include "init/devices/probe.h"
#include "init/format/formatmarker.h"

/* Zero is not a decision, so that a forgotten call formats nothing. */
enum blank_state {
    BLANK_UNDECIDED,
    BLANK_YES,         /* nothing on it, by the host's word or because all of it is zeros */
    BLANK_INTERRUPTED, /* a format of ours that a power cut ended: may be formatted again */
    BLANK_UNCLEARED,   /* a format of ours, complete but for the removal of its marker: holds an
                        * ext4 that ext4_finish() makes ready to mount */
    BLANK_HELD,        /* holds something, or might: never formatted */
    BLANK_AMBIVALENT,  /* signatures of several formats: never formatted */
    BLANK_TOO_SMALL,   /* nothing on it, and no room for a filesystem */
};

struct blank {
    enum blank_state state;
    char *what;                 /* owned: what is on it, in words for an error message */
    struct probe probe;         /* owned: libblkid's findings, good for mounting */
    struct formatmarker marker; /* of a BLANK_INTERRUPTED one: the format to redo */
};

/* struct blank b CLEANUP_BLANK = {0}; */
#define CLEANUP_BLANK CLEANUP(blank_free)

/* Examines `fd`, open for reading; an exclusive descriptor of a block device (O_EXCL) makes sure
 * that nobody else is using it. `name` stands in error messages. Changes nothing.
 * A device that bears the stamp (common/stamp.h) with one of the words `stamps` (NULL: none) was
 * blank when the machine was started, and is only looked at here and there; of any other one every
 * byte is read before it is BLANK_YES or BLANK_INTERRUPTED.
 * A device that cannot be read is an error. */
int blank_examine(int fd, const char *name, const struct strv *stamps, struct blank *b,
                  struct error *e);

void blank_free(struct blank *b);
