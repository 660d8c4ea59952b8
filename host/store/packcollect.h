/* SPDX-License-Identifier: MIT */
/* Garbage collection of the pack: the pieces that no view in the cache needs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The contents of the pack, in bytes of pieces. */
struct packcollect_usage {
    uint64_t pieces; /* how many there are */
    uint64_t bytes;
    uint64_t needed; /* bytes of those that a view in the cache needs */
};

/* Drops the pieces that no view needs, and gives their space back to the filesystem. Where that
 * cannot take it back, a new pack is begun once most of the old one is of no use; the old file goes
 * with its last view. Does nothing while another process writes to
 * the pack: collecting comes again. Returns 0, also if there is no pack, or a negative errno with
 * the reason. */
int packcollect(const char *cache, struct error *e);

/* Measures the pack of a cache. Returns false if there is none. */
bool packcollect_measure(const char *cache, struct packcollect_usage *usage);
