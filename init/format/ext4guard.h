/* SPDX-License-Identifier: MIT */
/* The I/O channel through which libext2fs writes a new filesystem: it keeps the marker in sector 0
 * and holds back the superblock's first sector until everything else is on the disk. */
#pragma once

#include <stdint.h>

#include "init/format/ext4channel.h"
#include "init/format/formatmarker.h"

struct ext4guard {
    struct struct_io_manager manager; /* for ext2fs_initialize() */
    io_channel backing;
    uint8_t first[FORMATMARKER_SECTOR]; /* content of sector 0 until the commit */
    uint8_t held[FORMATMARKER_SECTOR];  /* content of sector 2 after the commit */
};

/* Opens the channel `name` of `backing` and writes the marker. ext2fs_initialize() must follow with
 * &guard->manager; one format at a time. Both functions return 0 or an error code of libext2fs. */
errcode_t ext4guard_begin(struct ext4guard *guard, io_manager backing, const char *name,
                          const struct formatmarker *marker);

/* Writes the sector held back, then clears the marker. Call it after the filesystem is closed. */
errcode_t ext4guard_commit(struct ext4guard *guard);

/* Closes the backing channel. */
void ext4guard_close(struct ext4guard *guard);
