/* SPDX-License-Identifier: MIT */
/* The paths of a store image, and where the host has them. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"

struct storepaths {
    struct strv paths;  /* sorted, each once */
    const char *prefix; /* of a chroot store, the caller's; "": none */
    char *list;         /* file that lists them */
};

/* struct storepaths paths CLEANUP_STOREPATHS = {0}; */
#define CLEANUP_STOREPATHS CLEANUP(storepaths_free)
void storepaths_free(struct storepaths *paths);

/* Reads the paths from the file `list`, one a line, or gets the closure of `roots` from Nix if
 * `list` is NULL. `prefix` may be NULL; see cache_get() for `fallback`. Returns 0, or a negative
 * errno with the reason. */
int storepaths_read(struct storepaths *paths, const char *list, const struct strv *roots,
                    const char *prefix, const char *fallback, struct error *e);

/* Returns the sum of the sizes in the registration beside the list; 0 if it cannot be read. */
uint64_t storepaths_bytes(const struct storepaths *paths);

/* Returns the host's directory of a path, links being followed inside the prefix; the caller frees.
 * NULL with the reason otherwise. */
char *storepaths_directory(const char *prefix, const char *path, struct error *e);
