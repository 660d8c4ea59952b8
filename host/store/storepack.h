/* SPDX-License-Identifier: MIT */
/* The pack: a file in the cache that has every store path once, as a piece of an erofs image, and
 * the index of the pieces. A path costs something only when it is first seen.
 *
 * One process at a time writes: it has the directory locked (flock). Pieces are only added behind
 * the others, and never change. The index is written after the data has been written back, so it
 * never names a piece that is not there. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "host/store/packindex.h"

/* The pack's directory in the cache. */
#define STOREPACK_NAME "storepack"

/* Begins the name of the file of pieces; the pack's number follows. */
#define STOREPACK_DATA "pack-"

struct storepack {
    char *path;    /* of the directory; NULL: the pieces are in a file of the caller's */
    int directory; /* locked, unless it is -1 */
    int data;      /* the file of the pieces */
    struct packindex index;
    size_t written; /* pieces that the file of the index has */
    uint64_t size;  /* of the file of the pieces, when it was opened or committed */
};

/* struct storepack pack CLEANUP_STOREPACK = STOREPACK_INIT; */
#define STOREPACK_INIT                                                                             \
    {                                                                                              \
        .directory = -1, .data = -1                                                                \
    }
#define CLEANUP_STOREPACK CLEANUP(storepack_close)
void storepack_close(struct storepack *pack);

/* Opens the pack in the cache for writing, and begins a new one if there is none or it is damaged.
 * Waits while another process writes to it. Returns 0 or a negative errno with the reason: -EROFS
 * on a filesystem without locks. */
int storepack_open(struct storepack *pack, const char *cache, struct error *e);

/* Opens the directory of the pack if there is one and no process writes to it, and the pack if it
 * has all of its pieces; its index is empty otherwise. Returns 1, 0 if not, or a negative errno
 * with the reason. */
int storepack_try(struct storepack *pack, const char *cache, struct error *e);

/* Opens a pack for pieces that shall be in an image itself, which the caller has made: `file`,
 * whose descriptor becomes the pack's. */
void storepack_open_image(struct storepack *pack, int file);

/* Finds the piece of the path `name` in the open directory, or writes it, and sets `piece`, whose
 * strings stay the pack's. `identity` is the path's. Returns 0 or a negative errno with the reason.
 */
int storepack_add(struct storepack *pack, int directory, const char *name, const char *identity,
                  struct packindex_piece *piece, struct error *e);

/* Writes the new pieces back, and then the index. Returns the same. What is not committed when the
 * pack is closed is dropped. */
int storepack_commit(struct storepack *pack, struct error *e);

/* Returns the path of the file of pieces; the caller frees. */
char *storepack_data(const struct storepack *pack);

/* Returns a text that names the pack in the cache and changes when a new one is begun, or NULL if
 * there is none; the caller frees. Needs no lock: a view of a pack that is replaced meanwhile keeps
 * that pack's file. */
char *storepack_identify(const char *cache);
