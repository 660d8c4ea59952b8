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
 * another format (-EINVAL), or if the output exceeds `limit` (-EFBIG). */
int decompress(const char *data, size_t size, size_t limit, char **unpacked, size_t *unpacked_size,
               struct error *e);

/* Does the same, but writes the output to the new file `path`, which remains on failure, and shows
 * its progress. Fails, too, if the file cannot be written, or at a signal (-ECANCELED). */
int decompress_to(const char *path, const char *data, size_t size, size_t limit,
                  struct progress *progress, struct error *e);

/* Decompresses what comes first, from data that may end early: fills `head` with `wanted` bytes.
 * Returns 0, or a negative errno with the message, also if there are fewer. */
int decompress_head(const char *data, size_t size, char *head, size_t wanted, struct error *e);

/* Reads a module's file and decompresses it, unless its name ends with ".ko". Returns the content,
 * at most `limit` bytes, which the caller frees; NULL with the message on error. */
char *decompress_module(const char *path, size_t limit, size_t *size, struct error *e);
