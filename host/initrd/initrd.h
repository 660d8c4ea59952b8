/* SPDX-License-Identifier: MIT */
/* The built-in initrd: init, the kernel modules that it may need, and the parameters that do not
 * fit the kernel's command line. The same inputs give the same bytes. */
#pragma once

#include "base/error.h"
#include "host/cache/cache.h"
#include "host/plan/plan.h"

/* The name of the initrd in its cache entry. */
#define INITRD_NAME "initrd"

/* Finds the initrd in the cache or makes it (see cache_get() for `fallback`). Returns 0, or a
 * negative errno with the reason. */
int initrd_get(struct cache_entry *entry, const struct initrd_spec *spec, const char *fallback,
               struct error *e);

/* Writes the initrd to `path`, which must not exist. `inputs` may be NULL. Returns as
 * initrd_get(). */
int initrd_write(const char *path, const struct initrd_spec *spec, struct cache_inputs *inputs,
                 struct error *e);
