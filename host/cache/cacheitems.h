/* SPDX-License-Identifier: MIT */
/* All that is in the cache, and its removal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"

/* Beginnings of the names of directories that are being made or removed. */
#define CACHEITEMS_NEW ".new-"
#define CACHEITEMS_OLD ".old-"

/* Hexadecimal digits of the number at the end of an entry's name. */
#define CACHEITEMS_NUMBER_LENGTH 32

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
#define CLEANUP_CACHE_ITEMS CLEANUP(cacheitems_free)

/* Lists run-vm's entries in a cache directory, half-made ones that were left behind included. 0
 * also where there is no such directory. */
int cacheitems_read(struct cache_items *items, const char *cache, struct error *e);
void cacheitems_free(struct cache_items *items);

/* Limits on the entries that pruning keeps; it never removes one that is in use. */
struct cache_limits {
    uint64_t bytes;    /* of all that stays; the longest unused goes first */
    time_t used_since; /* what was not used since goes */
    bool locked_only;  /* where nothing can be locked, all stays */
};

/* Removes, and prints a line for each to `out` unless it is NULL. 0, or the first error; the others
 * are removed. */
int cacheitems_prune(const char *cache, const struct cache_limits *limits, FILE *out,
                     struct error *e);

/* Removes one entry by its name, unless somebody has it. 1 when it is gone, 0 when it is in use. */
int cacheitems_remove(const char *cache, const char *name, struct error *e);

/* Is it a name that only run-vm gives, to an entry or to what is being made or removed? */
bool cacheitems_is_entry(const char *name);

/* "12.3 MiB"; the caller frees. */
char *cacheitems_format(uint64_t bytes);
