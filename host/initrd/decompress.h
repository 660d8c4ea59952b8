/* SPDX-License-Identifier: MIT */
/* Decompression by libarchive's filters: gzip, bzip2, lzma, xz, lz4 and zstd. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/file.h"
#include "host/system/progress.h"

/* Default limit of the output: a small file can unpack to more than a machine's memory. */
#define DECOMPRESS_LIMIT FILE_LIMIT

/* Decompresses `data` up to the end of the compressed stream; bytes after that are ignored. Returns
 * 0, and the caller frees `unpacked`; or a negative errno with the message for damaged data or
 * another format, -EFBIG if the output exceeds `limit`. Shows its progress by `progress`, which may
 * be NULL. */
int decompress(const char *data, size_t size, size_t limit, char **unpacked, size_t *unpacked_size,
               struct progress *progress, struct error *e);

/* Reads a module's file and decompresses it, unless its name ends with ".ko". Returns the content,
 * at most `limit` bytes, which the caller frees; NULL with the message on error. */
char *decompress_module(const char *path, size_t limit, size_t *size, struct error *e);
