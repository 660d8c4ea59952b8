/* SPDX-License-Identifier: MIT */
/* An erofs image of some pieces, as a qcow2 file. Its clusters are those of the head (the
 * superblock and the root directory); the pieces come from its backing file, the pack, and
 * everything else that the pack has is marked as reading zero: a guest sees only its own closure.
 * Without a backing file the pieces are in the qcow2 file itself, at the same offsets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "host/store/packindex.h"

struct packview {
    const struct packindex_piece *pieces; /* sorted by name */
    size_t count;
    const char *backing; /* absolute path of the pack; NULL: the pieces are in the file */
    uint64_t end;        /* of the pieces' addresses; a multiple of PACKINDEX_CLUSTER */
};

/* Writes the image's head and tables to the file. Returns 0, or a negative errno with the reason.
 */
int packview_write(const struct packview *view, int fd, struct error *e);
