/* SPDX-License-Identifier: MIT */
/* `run-vm cache`: what is cached, and its removal. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "common/error.h"
#include "common/strv.h"

struct cache_item {
    char *name; /* of its directory in the cache */
    uint64_t bytes;
    time_t last_used;
    int in_use; /* a run-vm has it, or is making it */
};

struct cache_items {
    struct cache_item *items; /* the one not used for longest first */
    size_t count;
};

/* struct cache_items items CLEANUP_CACHE_ITEMS = {0}; */
#define CLEANUP_CACHE_ITEMS CLEANUP(cache_items_free)

/* What is in a cache directory, half-made entries that were left behind included; nothing that is
 * not run-vm's. 0 also where there is no such directory. */
int cache_items_read(struct cache_items *items, const char *cache, struct error *e);
void cache_items_free(struct cache_items *items);

/* What may stay; the rest goes, but for what is in use. */
struct cache_limits {
    uint64_t bytes;    /* of all that stays; the longest unused goes first */
    time_t used_since; /* what was not used since goes */
};

/* Removes, and prints a line for each to `out`. 0, or the first error; the others are removed. */
int cache_prune(const char *cache, const struct cache_limits *limits, FILE *out, struct error *e);

/* The whole command, argv[0] being "cache"; the exit status. */
int cache_command(int argc, char **argv);
