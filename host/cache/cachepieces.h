/* SPDX-License-Identifier: MIT */
/* The parts of a large file that an entry uses besides its own files: its record of them. Entries
 * can have parts in common. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The record's name in the entry: the name of the file, and a line BASE BYTES for each part. */
#define CACHEPIECES_NAME "pieces"

struct cachepieces_part {
    uint64_t base;
    uint64_t bytes;
};

struct cachepieces {
    char *file; /* NULL: the entry uses none */
    struct cachepieces_part *parts;
    size_t count;
};

/* struct cachepieces pieces CLEANUP_CACHEPIECES = {0}; */
#define CLEANUP_CACHEPIECES CLEANUP(cachepieces_free)
void cachepieces_free(struct cachepieces *pieces);

/* Reads the record of an entry, an open directory. Returns 0, also for an entry without one, or a
 * negative errno for a record that cannot be read whole. */
int cachepieces_read(struct cachepieces *pieces, int entry);

/* Writes the record of an entry that is being made. Returns 0 or a negative errno with the reason.
 */
int cachepieces_write(const struct cachepieces *pieces, const char *entry, struct error *e);
