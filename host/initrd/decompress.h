/* SPDX-License-Identifier: MIT */
/* Compressed data, by libarchive's filters: gzip, bzip2, lzma, xz, lz4 and zstd. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/file.h"

/* Default limit of what comes out: a small file can unpack to more than a machine has room for. */
#define DECOMPRESS_LIMIT FILE_LIMIT

/* What `data` unpacks to, up to the end of the compressed stream: whatever follows it is ignored.
 * 0, and the caller frees; or a negative errno with the message for data in none of the formats or
 * damaged, -EFBIG where more than `limit` bytes come out. */
int decompress(const char *data, size_t size, size_t limit, char **unpacked, size_t *unpacked_size,
               struct error *e);

/* The content of a module's file, unpacked unless its name ends with ".ko", of at most `limit`
 * bytes. The caller frees; NULL with the message otherwise. */
char *decompress_module(const char *path, size_t limit, size_t *size, struct error *e);
