/* SPDX-License-Identifier: MIT */
/* Cache of files that are expensive to make: one directory for each content in
 * $XDG_CACHE_HOME/run-vm. An entry appears by rename, is locked (flock) while in use, and is used
 * only while its files and everything that they were made from are unchanged. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/sha256.h"
#include "host/cache/cacheinfo.h"

/* The key: a SHA-256 of what an entry depends on. Texts are delimited; a file counts by its
 * identity (file system, inode, size, times), so that a key costs no reading. */
struct cache_key {
    struct sha256 hash;
};

/* `kind` names the entry and is followed by the number of its format. */
void cache_key_start(struct cache_key *key, const char *kind, int format);
void cache_key_text(struct cache_key *key, const char *text);
void cache_key_file(struct cache_key *key, const char *path);

/* To be called before the file is read. */
void cache_input(struct cache_inputs *inputs, const char *path);

/* Makes files in `directory`, which is empty. */
typedef int cache_maker(const char *directory, struct cache_inputs *inputs, void *context,
                        struct error *e);

struct cache_request {
    const char *kind;
    struct cache_key *key;
    cache_maker *make;
    void *context;
    const char *fallback; /* a directory for what cannot be cached, by the caller removed */
};

struct cache_entry {
    char *path; /* the directory with the files; the caller frees */
    int lock;   /* to be closed when the files are no longer used; -1: not cached */
};

/* Finds the entry or makes it; two that want the same at once make it once. 0, or a negative errno
 * with the maker's reason. What is made only for now is made once more, in the fallback. */
int cache_get(struct cache_entry *entry, const struct cache_request *request, struct error *e);

/* Notes that the entry is used now: what has not been used for longest is removed first.
 * cache_get() does it at first; whoever holds an entry for long does it once more at the end. The
 * note is the time of the directory, which is not part of what is checked. */
void cache_touch(int entry);

/* How many bytes the cache may take after something was added; 0: cache_default_limit(). */
void cache_set_limit(uint64_t bytes);

/* 4 GiB, or a tenth of the filesystem that the cache is on, whichever is less. */
uint64_t cache_default_limit(const char *cache);

/* $XDG_CACHE_HOME/run-vm, or ~/.cache/run-vm; NULL where neither variable says. The caller frees.
 */
char *cache_directory(void);
