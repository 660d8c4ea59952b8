/* SPDX-License-Identifier: MIT */
/* The head of an erofs image: its superblock and its root directory, which contains the paths of
 * some pieces, and the empty .links that Nix requires. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "host/store/packindex.h"

/* Returns the head of an image of `end` bytes with these pieces, which the caller frees, and its
 * size in bytes. */
unsigned char *erofshead_make(const struct packindex_piece *pieces, size_t count, uint64_t end,
                              size_t *size);
