/* SPDX-License-Identifier: MIT */
/* Records in a cache entry: its files ("info") and, for each key that it serves, the inputs that it
 * was made from ("from-KEY"). An entry is a directory, named here by a descriptor. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Inputs of an entry that are found while it is made. */
struct cache_inputs {
    char *records;
    size_t size;
    bool provisional; /* set by the maker: the entry can be used, but a later attempt may make a
                         better one */
};

/* A file of an entry that stays writable for its owner: QEMU maps it for itself, and opens it as if
 * to write to it. */
#define CACHEINFO_MAPPED "memory"

/* Room for five numbers of up to 16 digits. */
#define CACHEINFO_IDENTITY 128

/* Formats a file's identity. A file that replaces it, or that is written to, has another one.
 * "absent" if there is no file. */
void cacheinfo_identify(const char *path, char id[CACHEINFO_IDENTITY]);

/* The same for a symlink itself. */
void cacheinfo_identify_link(const char *path, char id[CACHEINFO_IDENTITY]);

/* Appends a record and frees it. */
void cacheinfo_add(struct cache_inputs *inputs, char *record);

/* Makes the files of a new entry read-only and writes its records: "info", and `inputs` for `key`.
 * Returns 0 or -errno. */
int cacheinfo_write(const char *directory, const char *key, struct cache_inputs *inputs,
                    struct error *e);

/* True if the entry and its files belong to this user and are unchanged since the entry was
 * made. */
bool cacheinfo_is_whole(int entry);

/* True if the entry serves the key and its inputs for that key are unchanged. */
bool cacheinfo_fits(int entry, const char *key);

/* Returns the path of the file that exists only if the entry of that name serves the key; the
 * caller frees. */
char *cacheinfo_claim(const char *entry, const char *key);

/* Removes the key from the entry. */
void cacheinfo_forget(int entry, const char *key);

/* Compares the files of two entries. Returns 1 if they are the same, 0 if not, or -ECANCELED after
 * a signal. */
int cacheinfo_is_same(int a, int b);

/* Moves the key from one entry to another, whose oldest key is dropped if it has too many. Returns
 * 0 or -errno. */
int cacheinfo_move_key(int from, int to, const char *key);
