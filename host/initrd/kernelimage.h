/* SPDX-License-Identifier: MIT */
/* Unpacks a kernel on the host, so that the guest need not: under TCG this halves the time of a
 * boot. */
#pragma once

#include "base/error.h"
#include "host/cache/cache.h"

/* Finds the kernel to start for `source`: the payload of a bzImage, from the cache, if QEMU can
 * start that (an ELF image for x86-64 with a PVH note), else `source` itself. The caller frees
 * `path`, and closes `lock` when the kernel is no longer used. Returns 0 or a negative errno. */
int kernelimage_get(const char *source, const char *fallback, char **path, int *lock,
                    struct error *e);
