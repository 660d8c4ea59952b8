/* SPDX-License-Identifier: MIT */
/* A hash table that interns store paths: each is stored once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "init/nix/registration.h"

struct nametable {
    char *texts; /* owned: the paths, each terminated by a NUL */
    size_t texts_used;
    size_t texts_size;
    struct registration_name *names; /* owned */
    uint32_t count;
    uint64_t *slots; /* owned: high half a tag, low half 1 + index of the name; 0: free */
    uint32_t slot_count;
};

void nametable_free(struct nametable *table);

/* Returns the index of the path's name, or REGISTRATION_NONE. All paths begin with the same `skip`
 * bytes. */
uint32_t nametable_find(const struct nametable *table, const char *path, size_t length,
                        size_t skip);

/* Adds a path that nametable_find() has not found; it occurs first in `line`. Returns the index of
 * its name, or REGISTRATION_NONE if the texts would exceed 4 GiB. */
uint32_t nametable_add(struct nametable *table, const char *path, size_t length, size_t skip,
                       uint32_t line);
