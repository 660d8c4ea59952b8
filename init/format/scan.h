/* SPDX-License-Identifier: MIT */
/* Searches a device for data: for a byte that is not zero. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SCAN_SECTOR 512

/* A device to search. */
struct scan {
    int fd;
    const char *name;      /* for messages */
    uint64_t size;         /* of the device in bytes */
    const uint64_t *known; /* offsets of sectors to skip, in ascending order */
    size_t known_count;
};

/* Reads `length` bytes at `offset`. Returns 0 or a negative errno with the reason; -EIO if the
 * device ends before. */
int scan_read(int fd, const char *name, uint64_t offset, void *buffer, size_t length,
              struct error *e);

/* Searches from `offset` (a multiple of the sector) to `end`. Returns 1 with the byte's offset in
 * *found, 0 if all bytes are zeros, or a negative errno with the reason. */
int scan_range(const struct scan *scan, uint64_t offset, uint64_t end, uint64_t *found,
               struct error *e);

/* Searches all of the device; logs its progress if that takes long. Skips the holes of a regular
 * file. Returns the same. */
int scan_whole(const struct scan *scan, uint64_t *found, struct error *e);
