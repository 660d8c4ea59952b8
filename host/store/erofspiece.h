/* SPDX-License-Identifier: MIT */
/* A piece of an erofs image: one store path, with its inodes and the blocks of its files. Its
 * numbers are those at its final place, so that it is never touched again. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* The number of the inode that contains a piece's path: the root of every image. */
#define EROFSPIECE_PARENT 36

struct erofspiece {
    uint64_t base;   /* offset in the file, and in the image, of its first byte */
    uint64_t bytes;  /* a multiple of EROFS_BLOCK */
    uint64_t root;   /* number of the path's inode */
    uint64_t inodes; /* how many it has */
    mode_t type;     /* of the path: S_IFDIR, S_IFREG or S_IFLNK */
};

/* Writes the path `name` of the open directory as a piece at `piece->base` of the file, which is a
 * hole from there on, and fills in the rest of `piece`. The tree's owner becomes root and its times
 * the beginning of 1970, as mkfs.erofs is told for the store. Returns 0 or a negative errno with
 * the reason. */
int erofspiece_write(struct erofspiece *piece, int file, int directory, const char *name,
                     struct error *e);
