/* SPDX-License-Identifier: MIT */
/* A kernel unpacked on the host, so that the guest need not: under TCG that halves a boot. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "host/cache/cache.h"

/* The kernel to start instead of `source`, a bzImage: its payload in the cache, where QEMU can
 * start that (an ELF image for x86-64 with the note for PVH), else `source` itself. The caller
 * frees `path`, and closes `lock` when the kernel is no longer used. 0, or a negative errno. */
int kernelimage_get(const char *source, const char *fallback, char **path, int *lock,
                    struct error *e);

/* The payload of a bzImage in memory, unpacked; the caller frees. NULL where there is none, it is
 * damaged, or it cannot be started through PVH. 0, or a negative errno where there is no memory for
 * it, or more comes out than the image says. */
int kernelimage_unpack(const char *image, size_t size, char **kernel, size_t *kernel_size,
                       struct error *e);
