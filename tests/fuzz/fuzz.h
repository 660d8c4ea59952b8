/* SPDX-License-Identifier: MIT */
/* Included by every fuzz target. A target aborts if a reader breaks its promise; ASan and UBSan
 * find other errors. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts unless the condition holds, as it must for every input. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Returns the input as a text, up to its first zero byte. The caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    return xstrndup((const char *)data, size);
}

static inline ssize_t fuzz_swallow(void *cookie, const char *bytes, size_t count)
{
    (void)cookie;
    (void)bytes;
    return (ssize_t)count;
}

/* Returns a stream that discards all output without a system call. */
static inline FILE *fuzz_nowhere(void)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = fuzz_swallow});
    must(stream);
    return stream;
}
