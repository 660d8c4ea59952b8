/* SPDX-License-Identifier: MIT */
/* Libraries that are needed only to make a cache entry, opened on demand: with their dependencies
 * (libcrypto, libxml2, ICU) they would take longer to load than everything else that a warm start
 * does. */
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/error.h"

#define ARCHIVE_FUNCTIONS(F)                                                                       \
    F(archive_error_string)                                                                        \
    F(archive_read_data)                                                                           \
    F(archive_read_free)                                                                           \
    F(archive_read_new)                                                                            \
    F(archive_read_next_header)                                                                    \
    F(archive_read_open_memory)                                                                    \
    F(archive_read_support_filter_bzip2)                                                           \
    F(archive_read_support_filter_gzip)                                                            \
    F(archive_read_support_filter_lz4)                                                             \
    F(archive_read_support_filter_lzma)                                                            \
    F(archive_read_support_filter_xz)                                                              \
    F(archive_read_support_filter_zstd)                                                            \
    F(archive_read_support_format_raw)

#define LAZYLIBS_MEMBER(name) __typeof__(name) *name;

struct archive_library {
    ARCHIVE_FUNCTIONS(LAZYLIBS_MEMBER)
};

/* Returns the functions of libarchive, or NULL with status 69 and a message that names the Debian
 * package if the library or a function is missing. The library is never closed. */
const struct archive_library *lazylibs_archive(struct error *e);
