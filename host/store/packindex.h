/* SPDX-License-Identifier: MIT */
/* The index of the pack: a line for each piece, in the order of the pieces, appended after the
 * piece itself has been written back. What a crash or a power loss leaves behind the last good line
 * is as if it were not there. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/store/erofspiece.h"

/* The index's name in the pack's directory. */
#define PACKINDEX_NAME "index"

/* Pieces begin at clusters, so that none shares one with another. */
#define PACKINDEX_CLUSTER (UINT64_C(1) << 16)

/* The first bytes of the image are the head's; no piece is there. A path needs some 60 bytes. */
#define PACKINDEX_HEAD (UINT64_C(16) << 20)

/* Hexadecimal digits of a pack's number. */
#define PACKINDEX_NUMBER 32

struct packindex_piece {
    struct erofspiece piece;
    char *name;     /* of the store path, without its directory */
    char *identity; /* of the path when it was read, see cacheinfo_identify() */
};

struct packindex {
    char number[PACKINDEX_NUMBER + 1]; /* of the pack: a new one has another */
    struct packindex_piece *pieces;    /* by their base, without overlaps */
    size_t count;
    struct packindex_piece *sorted; /* copies of those that were read, by name and identity */
    size_t sorted_count;
    uint64_t end; /* where the next piece begins */
    off_t good;   /* bytes of the file up to here are good */
};

/* struct packindex index CLEANUP_PACKINDEX = {0}; */
#define CLEANUP_PACKINDEX CLEANUP(packindex_free)
void packindex_free(struct packindex *index);

/* Begins the index of an empty pack with a new number. */
void packindex_start(struct packindex *index);

/* Reads the lines of a text up to the first that is not good into an empty index; the text is
 * changed. Returns 0, or -ENOENT if the first is not good. */
int packindex_parse(struct packindex *index, char *text);

/* Reads the same from the pack's open directory. Returns 0, or -ENOENT if there is none that can be
 * used. */
int packindex_read(struct packindex *index, int directory);

/* Reads only the pack's number. Returns the same. */
int packindex_read_number(struct packindex *index, int directory);

/* Finds the piece of a path; NULL: there is none. */
const struct packindex_piece *packindex_find(const struct packindex *index, const char *name,
                                             const char *identity);

/* Adds a piece in memory, behind the others. The strings become the index's. */
void packindex_add(struct packindex *index, const struct packindex_piece *piece);

/* Appends the pieces from number `first` on to the file and writes it back. Returns 0 or a negative
 * errno with the reason. */
int packindex_append(struct packindex *index, int directory, size_t first, struct error *e);

/* Puts a new file in place of the index: written back, then renamed. Returns the same. */
int packindex_replace(struct packindex *index, int directory, struct error *e);

/* Returns where a piece begins that follows one that ends at `end`. */
uint64_t packindex_next(uint64_t end);
