/* SPDX-License-Identifier: MIT */
/* The store image: an erofs filesystem that contains exactly one closure. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/cache/cache.h"
#include "host/store/storenames.h"

struct storeimage {
    const char *list;         /* file with the paths, one a line; NULL: the closure of `roots` */
    const struct strv *roots; /* NULL with a list */
    const char *prefix;       /* the files are at PREFIX/nix/store; NULL or "": none */
    bool packed; /* a qcow2 file (packview.h); otherwise the raw image of mkfs.erofs, of which the
                  * same closure gives the same bytes */
};

/* Finds the image in the cache or makes it. Returns 0, or a negative errno with the reason; see
 * cache_get() for `fallback`. */
int storeimage_get(struct cache_entry *entry, const struct storeimage *image, const char *fallback,
                   struct error *e);
