/* SPDX-License-Identifier: MIT */
/* The closure of some store paths, and their registration, from the host's nix-store. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "host/cache/cache.h"

/* The files of a closure's cache entry, as Nix's closureInfo has them. */
#define CLOSURE_REGISTRATION "registration" /* input of nix-store --load-db */
#define CLOSURE_PATHS        "store-paths"  /* one path a line, sorted by bytes */

/* Gets the closure of `roots` (/nix/store/NAME each) from the cache, or else from nix-store. With a
 * `prefix` other than "" the store is the chroot store whose files are at PREFIX/nix/store. Returns
 * 0, or a negative errno with the reason; see cache_get() for `fallback`. */
int closure_get(struct cache_entry *entry, const struct strv *roots, const char *prefix,
                const char *fallback, struct error *e);
