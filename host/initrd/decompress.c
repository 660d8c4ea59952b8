/* SPDX-License-Identifier: MIT */
#include "host/initrd/decompress.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/initrd/lazylibs.h"

/* Resizes `data`; frees it if memory runs out. */
static char *resize(char *data, size_t size, struct error *e)
{
    char *resized = realloc(data, size);
    if (resized)
        return resized;
    free(data);
    (void)error_set(e, -ENOMEM, "no memory for %zu MiB", size >> 20);
    return NULL;
}

/* The number of bytes that are unpacked at once, between two looks at the progress. */
#define CHUNK ((size_t)1 << 20)

typedef int filter(struct archive *archive);

/* Reads all output. Output that is complete before trailing garbage is valid: the kernel's build
 * appends the size to its payload. */
static int read_all(const struct archive_library *library, struct archive *archive, size_t limit,
                    char **unpacked, size_t *size, struct progress *progress, struct error *e)
{
    /* room for one byte more than the limit, to detect longer output */
    size_t capacity = limit < CHUNK ? limit : CHUNK;
    char *data CLEANUP_FREE = resize(NULL, capacity + 1, e);
    size_t filled = 0;
    while (data) {
        size_t room = capacity + 1 - filled;
        la_ssize_t got =
            library->archive_read_data(archive, data + filled, room < CHUNK ? room : CHUNK);
        if (got < 0)
            return error_set(e, -EINVAL, "cannot be unpacked: %s",
                             library->archive_error_string(archive));
        if (got == 0)
            break;
        filled += (size_t)got;
        progress_show(progress, filled);
        if (filled > limit)
            return error_set(e, -EFBIG, "cannot be unpacked: more than %zu bytes come out", limit);
        if (filled > capacity) {
            capacity = capacity < limit / 2 ? capacity * 2 : limit;
            data = resize(TAKE(data), capacity + 1, e);
        }
    }
    *size = filled;
    *unpacked = TAKE(data);
    return *unpacked ? 0 : -ENOMEM;
}

int decompress(const char *data, size_t size, size_t limit, char **unpacked, size_t *unpacked_size,
               struct progress *progress, struct error *e)
{
    *unpacked = NULL;
    const struct archive_library *library = lazylibs_archive(e);
    struct archive *archive = library ? library->archive_read_new() : NULL;
    if (!archive)
        return library ? error_errno(e, ENOMEM, "libarchive") : -ENOENT;
    filter *const filters[] = {
        library->archive_read_support_filter_bzip2, library->archive_read_support_filter_gzip,
        library->archive_read_support_filter_lz4,   library->archive_read_support_filter_lzma,
        library->archive_read_support_filter_xz,    library->archive_read_support_filter_zstd,
    };
    for (size_t i = 0; i < ELEMENTS(filters); i++)
        (void)filters[i](archive);
    (void)library->archive_read_support_format_raw(archive);
    struct archive_entry *entry;
    int r;
    if (library->archive_read_open_memory(archive, data, size) != ARCHIVE_OK ||
        library->archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        r = error_set(e, -EINVAL, "cannot be unpacked: %s", library->archive_error_string(archive));
    else
        r = read_all(library, archive, limit, unpacked, unpacked_size, progress, e);
    (void)library->archive_read_free(archive);
    return r;
}

char *decompress_module(const char *path, size_t limit, size_t *size, struct error *e)
{
    bool packed = !endswith(path, ".ko");
    char *content CLEANUP_FREE = file_read(path, packed ? FILE_LIMIT : limit, size, e);
    if (!content || !packed)
        return TAKE(content);
    char *data = NULL;
    int r = decompress(content, *size, limit, &data, size, NULL, e);
    if (r < 0)
        (void)error_context(e, r, "%s", path);
    return data;
}
