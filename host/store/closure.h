/* SPDX-License-Identifier: MIT */
/* The host's Nix store, as its own nix-store tells of it: the closure of some paths and their
 * registration. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "host/cache/cache.h"

/* The files of a closure's cache entry, as Nix's closureInfo has them. */
#define CLOSURE_REGISTRATION "registration" /* what nix-store --load-db reads */
#define CLOSURE_PATHS        "store-paths"  /* a line each, sorted bytewise */

/* Finds in the cache, or has nix-store tell, the closure of `roots` (/nix/store/NAME each). With a
 * `prefix` other than "" the store is the chroot store there, whose files are at PREFIX/nix/store.
 * 0, or a negative errno with the reason; see cache_get() for `fallback`. */
int closure_get(struct cache_entry *entry, const struct strv *roots, const char *prefix,
                const char *fallback, struct error *e);
