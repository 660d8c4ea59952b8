/* SPDX-License-Identifier: MIT */
/* Looking for data on a device: for a byte that is not zero. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SCAN_SECTOR 512

/* Device to be scanned. */
struct scan {
    int fd;
    const char *name;      /* for messages */
    uint64_t size;         /* of the device */
    const uint64_t *known; /* offsets of sectors that are passed over, in ascending order */
    size_t known_count;
};

/* Reads all of `length` bytes at `offset`; a device that ends early cannot be read. */
int scan_read(int fd, const char *name, uint64_t offset, void *buffer, size_t length,
              struct error *e);

/* Looks from `offset` (a multiple of the sector) to `end`. Returns 1 and the byte's offset in
 * *found; 0 when all are zeros; or a negative errno. */
int scan_range(const struct scan *scan, uint64_t offset, uint64_t end, uint64_t *found,
               struct error *e);

/* Looks at every byte of the device; says on the console how far it has come when that takes
 * long. Of a regular file the holes are not read. */
int scan_whole(const struct scan *scan, uint64_t *found, struct error *e);
