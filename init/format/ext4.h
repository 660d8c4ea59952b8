/* SPDX-License-Identifier: MIT */
/* Making ext4 filesystems with libext2fs, as `mke2fs -t ext4` would make them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* No ext4 fits on less, whatever the sector size. */
#define EXT4_MINIMUM_SIZE ((uint64_t)256 * 1024)

/* What makes two formats of one disk differ, and what is asked of the disk. */
struct ext4_format {
    uint8_t uuid[16];
    uint8_t hash_seed[16];
    uint32_t time;       /* seconds since 1970 */
    const char *label;   /* NULL: none; 16 bytes at most */
    uint64_t size;       /* of the device in bytes */
    unsigned sector;     /* logical sector size */
    unsigned physical;   /* physical sector size */
    unsigned minimum_io; /* RAID chunk and stripe in bytes, 0: unknown */
    unsigned optimal_io;
};

/* Fills in `format` for `fd`: random UUID and seed, the time, the device's size and topology. */
int ext4_describe(int fd, const char *name, struct ext4_format *format, struct error *e);

/* The format that a marker stands for; its label stays the marker's. */
struct formatmarker;
void ext4_resume(const struct formatmarker *marker, struct ext4_format *format);

/* Writes the filesystem to `fd`, open for reading and writing, and syncs it. Only after
 * blank_examine() said that it may be done. Nothing is printed. */
int ext4_make(int fd, const char *name, const struct ext4_format *format, struct error *e);

/* The same through another channel of libext2fs, opened by `channel`. */
struct struct_io_manager;
int ext4_make_through(struct struct_io_manager *manager, const char *channel, const char *name,
                      const struct ext4_format *format, struct error *e);

/* Removes the marker of a format that is complete (BLANK_UNCLEARED). */
int ext4_finish(int fd, const char *name, struct error *e);
