/* SPDX-License-Identifier: MIT */
/* The store image: an erofs filesystem that contains exactly one closure. The same closure gives
 * the same bytes. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "host/cache/cache.h"

/* The name of the image in its cache entry. */
#define STOREIMAGE_NAME "store.img"

/* The label by which the guest's fstab finds the image since NixOS 23.11. */
#define STOREIMAGE_LABEL "nix-store"

/* Finds the image in the cache or makes it, of the paths in the file `list`, one a line, or of the
 * closure of `roots` if `list` is NULL. With a `prefix` other than "" their files are at
 * PREFIX/nix/store. Returns 0, or a negative errno with the reason; see cache_get() for
 * `fallback`. */
int storeimage_get(struct cache_entry *entry, const char *list, const struct strv *roots,
                   const char *prefix, const char *fallback, struct error *e);
