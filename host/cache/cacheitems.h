/* SPDX-License-Identifier: MIT */
/* Listing and removal of the entries in the cache. */
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
    char *name;     /* of its directory in the cache */
    uint64_t bytes; /* that become free if it and all entries before it are removed */
    time_t last_used;
    int in_use; /* a run-vm uses it or is making it */
};

struct cache_items {
    struct cache_item *items; /* least recently used first */
    size_t count;
};

/* struct cache_items items CLEANUP_CACHE_ITEMS = {0}; */
#define CLEANUP_CACHE_ITEMS CLEANUP(cacheitems_free)

/* Lists run-vm's entries in a cache directory, leftovers of interrupted starts included. Returns 0,
 * also if there is no such directory, or a negative errno. */
int cacheitems_read(struct cache_items *items, const char *cache, struct error *e);
void cacheitems_free(struct cache_items *items);

/* Limits on the entries that pruning keeps; it never removes one that is in use. */
struct cache_limits {
    uint64_t bytes;    /* of all entries that stay; the least recently used go first */
    time_t used_since; /* entries that were not used since then go */
    bool locked_only;  /* keep everything on a filesystem without locks */
};

/* Removes entries beyond the limits and prints a line for each to `out`, unless it is NULL. Goes on
 * after an error. Returns 0 or the first error. */
int cacheitems_prune(const char *cache, const struct cache_limits *limits, FILE *out,
                     struct error *e);

/* Removes one entry, unless it is in use. Returns 1 if it is gone, 0 if it is in use, or a negative
 * errno. */
int cacheitems_remove(const char *cache, const char *name, struct error *e);

/* True for names that only run-vm gives: of entries, and of directories being made or removed. */
bool cacheitems_is_entry(const char *name);

/* Formats a size as "12.3 MiB"; the caller frees. */
char *cacheitems_format(uint64_t bytes);
