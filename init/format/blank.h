/* SPDX-License-Identifier: MIT */
/* Decides whether a device may be formatted; nothing else does. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strv.h"
#include "init/devices/probe.h"
#include "init/format/formatmarker.h"

/* Zero means undecided: a forgotten call of blank_examine() formats nothing. */
enum blank_state {
    BLANK_UNDECIDED,
    BLANK_YES,         /* empty: the host's stamp says so, or all of it is zeros */
    BLANK_INTERRUPTED, /* has a format of ours that power loss interrupted: may be formatted */
    BLANK_UNCLEARED,   /* has an ext4 of ours, complete but for the removal of its marker:
                        * ext4_finish() makes it ready to mount */
    BLANK_HELD,        /* has data, or might: never formatted */
    BLANK_AMBIVALENT,  /* has signatures of several formats: never formatted */
    BLANK_TOO_SMALL,   /* empty, but too small for a filesystem */
};

struct blank {
    enum blank_state state;
    char *what;                 /* owned: description of its content for an error message */
    struct probe probe;         /* owned: libblkid's findings, good for mounting */
    struct formatmarker marker; /* of BLANK_INTERRUPTED: the format to redo */
};

/* struct blank b CLEANUP_BLANK = {0}; */
#define CLEANUP_BLANK CLEANUP(blank_free)

/* Examines `fd`, open for reading (with O_EXCL, so that no one else uses the block device), which
 * messages call `name`. Writes nothing.
 * A device with the host's stamp (common/stamp.h) and one of the words `stamps` (NULL: none) was
 * blank when the machine started: only samples of it are read. Of any other device every byte is
 * read before it is BLANK_YES or BLANK_INTERRUPTED.
 * Returns 0, or a negative errno with the reason if the device cannot be read. */
int blank_examine(int fd, const char *name, const struct strv *stamps, struct blank *b,
                  struct error *e);

void blank_free(struct blank *b);
