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

/* The key: a SHA-256 of everything that an entry depends on. Texts are delimited. A file is
 * represented by its identity (filesystem, inode, size, times), so that no file is read for a
 * key. */
struct cache_key {
    struct sha256 hash;
};

/* Begins a key. `kind` begins the entry's name; `format` is increased when the same inputs shall
 * give other bytes. */
void cache_key_start(struct cache_key *key, const char *kind, int format);
void cache_key_text(struct cache_key *key, const char *text);
void cache_key_file(struct cache_key *key, const char *path);

/* Adds a file whose path is in the key in another form. */
void cache_key_identity(struct cache_key *key, const char *path);

/* Records a file as an input of the entry. Call it before reading the file. */
void cache_input(struct cache_inputs *inputs, const char *path);

/* Makes the entry's files in `directory`, which is empty. Returns 0 or a negative errno. */
typedef int cache_maker(const char *directory, struct cache_inputs *inputs, void *context,
                        struct error *e);

struct cache_request {
    const char *kind;
    struct cache_key *key;
    cache_maker *make; /* NULL: an entry that does not exist is -ENOENT */
    void *context;
    const char *fallback; /* directory for an entry that cannot be cached; the caller removes it.
                           * NULL: such an entry is of no use, and not made */
    bool impatient;       /* fails with -EBUSY while another process makes the entry */
};

struct cache_entry {
    char *path; /* the directory with the files; the caller frees */
    int lock;   /* to be closed when the files are no longer used; -1: not cached */
};

/* Finds the entry or makes it; concurrent callers make it once. Returns 0, or a negative errno with
 * the maker's reason. An entry that its maker calls provisional is not cached: it is made again, in
 * the fallback. */
int cache_get(struct cache_entry *entry, const struct cache_request *request, struct error *e);

/* Makes the cache's directory, if necessary, and checks that no other user can write to it. Returns
 * its path, which the caller frees, or NULL with the reason. */
char *cache_open(struct error *e);

/* True for the failures of the cache's filesystem after which an entry can be made elsewhere: it is
 * full, or cannot be written to. */
bool cache_is_unusable(int r);

/* Makes the entry in the request's fallback, without looking for it; `problem` says why. Returns
 * like cache_get(). */
int cache_make_elsewhere(struct cache_entry *entry, const struct cache_request *request,
                         const char *problem, struct error *e);

/* Notes that the entry is in use now: the least recently used entries are removed first.
 * cache_get() calls it; call it again at the end of a long use. The time is kept as the directory's
 * mtime, which is not verified. */
void cache_touch(int entry);

/* Sets how many bytes the cache may occupy after an entry was added; 0: cache_default_limit(). */
void cache_set_limit(uint64_t bytes);

/* Returns 4 GiB, or a tenth of the cache's filesystem if that is less. */
uint64_t cache_default_limit(const char *cache);

/* Returns $XDG_CACHE_HOME/run-vm or ~/.cache/run-vm, or NULL if neither variable is set; the caller
 * frees. */
char *cache_directory(void);
