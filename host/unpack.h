/* SPDX-License-Identifier: MIT */
/* Compressed data, by libarchive's filters: gzip, bzip2, lzma, xz, lz4 and zstd. */
#pragma once

#include <stddef.h>

#include "common/error.h"

/* The whole content of a file; the caller frees. NULL with the message otherwise. */
char *unpack_read_file(const char *path, size_t *size, struct error *e);

/* What `data` unpacks to, up to the end of the compressed stream: whatever follows it is ignored.
 * The caller frees; NULL with the message for data in none of the formats, or damaged. */
char *unpack(const char *data, size_t size, size_t *unpacked_size, struct error *e);
