/* SPDX-License-Identifier: MIT */
/* Records in a cache entry: its files ("info") and, for each key that it serves, the inputs that it
 * was made from ("from-KEY"). An entry is a directory, named here by a descriptor. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "host/cache/cache.h"

/* Five numbers of up to 20 digits. */
#define CACHE_INFO_IDENTITY 128

/* A file's identity as text: whatever else is there later, or was written, is another one. */
void cache_info_identify(const char *path, char id[CACHE_INFO_IDENTITY]);

/* Appends a record, which it takes. */
void cache_info_add(struct cache_inputs *inputs, char *record);

/* Seals the files of a new entry and writes both; `key` has what `inputs` say. 0 or -errno. */
int cache_info_write(const char *directory, const char *key, struct cache_inputs *inputs,
                     struct error *e);

/* Are the entry and its files ours, and what they were when it was made? */
bool cache_info_is_whole(int entry);

/* Is it for the key, and what it was made from, for that key, still the same? */
bool cache_info_fits(int entry, const char *key);

/* Returns the path of the file that exists only if the entry of that name serves the key; the
 * caller frees. */
char *cache_info_claim(const char *entry, const char *key);

/* It is not for the key any more. */
void cache_info_forget(int entry, const char *key);

/* Have both entries the same files with the same bytes? 1, 0, or -ECANCELED: we are to end. */
int cache_info_is_same(int a, int b);

/* Gives the key to another entry, which then serves for it, in place of its oldest one where it has
 * many. 0 or -errno. */
int cache_info_move_key(int from, int to, const char *key);
