/* SPDX-License-Identifier: MIT */
#include "host/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "host/libraries.h"

char *unpack_read_file(const char *path, size_t *size, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)error_errno(e, errno, "%s", path);
        return NULL;
    }
    char *data CLEANUP_FREE = xcalloc((size_t)st.st_size + 1, 1);
    size_t filled = 0;
    while (filled < (size_t)st.st_size) {
        ssize_t got = read(fd, data + filled, (size_t)st.st_size - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            (void)error_errno(e, got < 0 ? errno : EIO, "%s: cannot be read whole", path);
            return NULL;
        }
        filled += (size_t)got;
    }
    *size = filled;
    return TAKE(data);
}

typedef int filter(struct archive *archive);

/* Everything that comes out. What was whole before trailing garbage counts: the kernel puts its
 * payload's size behind it. */
static char *read_all(const struct archive_library *library, struct archive *archive, size_t *size,
                      struct error *e)
{
    size_t capacity = 1 << 20;
    char *data CLEANUP_FREE = xreallocarray(NULL, capacity, 1);
    size_t filled = 0;
    for (;;) {
        if (filled == capacity)
            data = xreallocarray(data, capacity *= 2, 1);
        la_ssize_t got = library->archive_read_data(archive, data + filled, capacity - filled);
        if (got < 0) {
            (void)error_set(e, -EINVAL, "cannot be unpacked: %s",
                            library->archive_error_string(archive));
            return NULL;
        }
        if (got == 0)
            break;
        filled += (size_t)got;
    }
    *size = filled;
    return TAKE(data);
}

char *unpack(const char *data, size_t size, size_t *unpacked_size, struct error *e)
{
    const struct archive_library *library = libraries_archive(e);
    struct archive *archive = library ? library->archive_read_new() : NULL;
    if (!archive)
        return NULL;
    filter *const filters[] = {
        library->archive_read_support_filter_bzip2, library->archive_read_support_filter_gzip,
        library->archive_read_support_filter_lz4,   library->archive_read_support_filter_lzma,
        library->archive_read_support_filter_xz,    library->archive_read_support_filter_zstd,
    };
    for (size_t i = 0; i < ELEMENTS(filters); i++)
        (void)filters[i](archive);
    (void)library->archive_read_support_format_raw(archive);
    struct archive_entry *entry;
    char *unpacked = NULL;
    if (library->archive_read_open_memory(archive, data, size) != ARCHIVE_OK ||
        library->archive_read_next_header(archive, &entry) != ARCHIVE_OK)
        (void)error_set(e, -EINVAL, "cannot be unpacked: %s",
                        library->archive_error_string(archive));
    else
        unpacked = read_all(library, archive, unpacked_size, e);
    (void)library->archive_read_free(archive);
    return unpacked;
}
