/* SPDX-License-Identifier: MIT */
/* Records in a cache entry: its files ("info") and, for each key that it serves, the inputs that it
 * was made from ("from-KEY"). An entry is a directory, named here by a descriptor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Files that turn up while an entry is made and that it depends on. */
struct cache_inputs {
    char *records;
    size_t size;
    bool passing; /* set by the maker: made as well as could be now, but the next try may do better
                   */
};

/* Five numbers of up to 20 digits. */
#define CACHEINFO_IDENTITY 128

/* A file's identity as text: whatever else is there later, or was written, is another one. */
void cacheinfo_identify(const char *path, char id[CACHEINFO_IDENTITY]);

/* Appends a record, which it takes. */
void cacheinfo_add(struct cache_inputs *inputs, char *record);

/* Seals the files of a new entry and writes both; `key` has what `inputs` say. 0 or -errno. */
int cacheinfo_write(const char *directory, const char *key, struct cache_inputs *inputs,
                    struct error *e);

/* Are the entry and its files ours, and what they were when it was made? */
bool cacheinfo_is_whole(int entry);

/* Is it for the key, and what it was made from, for that key, still the same? */
bool cacheinfo_fits(int entry, const char *key);

/* Returns the path of the file that exists only if the entry of that name serves the key; the
 * caller frees. */
char *cacheinfo_claim(const char *entry, const char *key);

/* It is not for the key any more. */
void cacheinfo_forget(int entry, const char *key);

/* Have both entries the same files with the same bytes? 1, 0, or -ECANCELED: we are to end. */
int cacheinfo_is_same(int a, int b);

/* Gives the key to another entry, which then serves for it, in place of its oldest one where it has
 * many. 0 or -errno. */
int cacheinfo_move_key(int from, int to, const char *key);
