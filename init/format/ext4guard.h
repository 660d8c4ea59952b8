/* SPDX-License-Identifier: MIT */
/* The channel through which libext2fs writes a new filesystem: it keeps the marker in sector 0
 * and holds the superblock's first sector back until everything else is on the disk. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h> /* ext2fs.h needs its types */

#include <ext2fs/ext2fs.h>

#include "init/format/formatmarker.h"

struct ext4guard {
    struct struct_io_manager manager; /* for ext2fs_initialize() */
    io_channel backing;
    uint8_t first[FORMATMARKER_SECTOR]; /* what sector 0 holds while the format lasts */
    uint8_t held[FORMATMARKER_SECTOR];  /* what sector 2 is to hold in the end */
};

/* Opens `backing` by `name` and writes the marker. ext2fs_initialize() must follow with
 * &guard->manager; one format at a time. All of these return 0 or an error of libext2fs. */
errcode_t ext4guard_begin(struct ext4guard *guard, io_manager backing, const char *name,
                          const struct formatmarker *marker);

/* Writes what was held back, then clears the marker. After the filesystem has been closed. */
errcode_t ext4guard_commit(struct ext4guard *guard);

void ext4guard_close(struct ext4guard *guard);
