/* SPDX-License-Identifier: MIT */
/* A store image that mkfs.erofs makes: a file of its own, of which the same closure gives the same
 * bytes. */
#pragma once

#include "base/error.h"
#include "host/cache/cache.h"
#include "host/store/storepaths.h"

/* Finds the image in the cache or makes it. Returns 0, or a negative errno with the reason; see
 * cache_get() for `fallback`. */
int storefile_get(struct cache_entry *entry, const struct storepaths *paths, const char *fallback,
                  struct error *e);
