/* SPDX-License-Identifier: MIT */
/* A store image that is a view of the pack: only paths that no image had before are read. Where
 * nothing can be cached, the pieces are in the image itself. */
#pragma once

#include "base/error.h"
#include "host/cache/cache.h"
#include "host/store/storepaths.h"

/* Finds the view in the cache or makes it. Returns 0, or a negative errno with the reason; see
 * cache_get() for `fallback`. */
int storeview_get(struct cache_entry *entry, const struct storepaths *paths, const char *fallback,
                  struct error *e);
