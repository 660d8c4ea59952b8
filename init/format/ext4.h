/* SPDX-License-Identifier: MIT */
/* Makes ext4 filesystems with libext2fs, as `mke2fs -t ext4` would. All functions that return int
 * return 0 or a negative errno with the reason; `name` is the device's name in messages. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* No ext4 fits on less, whatever the sector size. */
#define EXT4_MINIMUM_SIZE ((uint64_t)256 * 1024)

/* The parameters that determine a format's bytes. */
struct ext4_format {
    uint8_t uuid[16];
    uint8_t hash_seed[16];
    uint32_t time;       /* seconds since 1970 */
    const char *label;   /* NULL: none; 16 bytes at most */
    uint64_t size;       /* of the device in bytes */
    unsigned sector;     /* logical sector size */
    unsigned physical;   /* physical sector size */
    unsigned minimum_io; /* RAID chunk in bytes, 0: unknown */
    unsigned optimal_io; /* RAID stripe in bytes, 0: unknown */
};

/* Fills in `format` for the device `fd`: random UUID and seed, the time, size and topology. */
int ext4_describe(int fd, const char *name, struct ext4_format *format, struct error *e);

/* Fills in the format that a marker describes; `format->label` points into the marker. */
struct formatmarker;
void ext4_resume(const struct formatmarker *marker, struct ext4_format *format);

/* Writes the filesystem to `fd`, open for reading and writing, and syncs it. Call it only after
 * blank_examine() has allowed it. Prints nothing. */
int ext4_make(int fd, const char *name, const struct ext4_format *format, struct error *e);

/* The same through `channel`, the name of a channel of the I/O manager `manager`. */
struct struct_io_manager;
int ext4_make_through(struct struct_io_manager *manager, const char *channel, const char *name,
                      const struct ext4_format *format, struct error *e);

/* Clears the marker of a complete format (BLANK_UNCLEARED). */
int ext4_finish(int fd, const char *name, struct error *e);
