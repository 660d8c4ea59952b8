/* SPDX-License-Identifier: MIT */
/* Store paths, each held once: an interning hash table. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "init/nix/registration.h"

struct nametable {
    char *texts; /* owned: the paths, each ended by a NUL */
    size_t texts_used, texts_size;
    struct registration_name *names; /* owned */
    uint32_t count, size;
    uint64_t *slots; /* owned: high half a tag, low half 1 + place of the name; 0: free */
    uint32_t slot_count;
};

void nametable_free(struct nametable *table);

/* The place of the path among the names, or REGISTRATION_NONE. The first `skip` bytes are those
 * that all paths have in common. */
uint32_t nametable_find(const struct nametable *table, const char *path, size_t length,
                        size_t skip);

/* Adds a path that nametable_find() has not found, first named in `line`. Returns its place, or
 * REGISTRATION_NONE when the texts would exceed 4 GiB. */
uint32_t nametable_add(struct nametable *table, const char *path, size_t length, size_t skip,
                       uint32_t line);
