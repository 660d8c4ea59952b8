/* SPDX-License-Identifier: MIT */
#include "host/initrd/decompress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/initrd/lazylibs.h"
#include "host/system/signals.h"

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

/* The numbers of bytes that are unpacked at once: into memory, and to be copied to a file. */
#define CHUNK ((size_t)1 << 20)
#define COPY  ((size_t)256 << 10)

typedef int filter(struct archive *archive);

/* Data that are being unpacked. */
struct source {
    const struct archive_library *library;
    struct archive *archive;
};

static void source_close(struct source *source)
{
    if (source->archive)
        (void)source->library->archive_read_free(source->archive);
}

static int damaged(const struct source *source, struct error *e)
{
    return error_set(e, -EINVAL, "cannot be unpacked: %s",
                     source->library->archive_error_string(source->archive));
}

/* Reads at most `size` bytes. Returns their number, 0 at the end, less if the data are damaged. */
static la_ssize_t source_read(struct source *source, char *data, size_t size)
{
    return source->library->archive_read_data(source->archive, data, size);
}

static int too_much(size_t limit, struct error *e)
{
    return error_set(e, -EFBIG, "cannot be unpacked: more than %zu bytes come out", limit);
}

/* Reads all output. Output that is complete before trailing garbage is valid: the kernel's build
 * appends the size to its payload. */
static int read_all(struct source *source, size_t limit, char **unpacked, size_t *size,
                    struct error *e)
{
    /* room for one byte more than the limit, to detect longer output */
    size_t capacity = limit < CHUNK ? limit : CHUNK;
    char *data CLEANUP_FREE = resize(NULL, capacity + 1, e);
    size_t filled = 0;
    while (data) {
        size_t room = capacity + 1 - filled;
        la_ssize_t got = source_read(source, data + filled, room < CHUNK ? room : CHUNK);
        if (got < 0)
            return damaged(source, e);
        if (got == 0)
            break;
        filled += (size_t)got;
        if (filled > limit)
            return too_much(limit, e);
        if (filled > capacity) {
            capacity = capacity < limit / 2 ? capacity * 2 : limit;
            data = resize(TAKE(data), capacity + 1, e);
        }
    }
    *size = filled;
    *unpacked = TAKE(data);
    return *unpacked ? 0 : -ENOMEM;
}

/* Copies all output to a file through a buffer that stays in the processor's cache: pages for the
 * whole of a kernel take as long as half of its decompression. */
static int copy_all(struct source *source, const char *path, size_t limit,
                    struct progress *progress, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(e, errno, "%s: cannot be written", path);
    char *part CLEANUP_FREE = xmalloc(COPY);
    size_t copied = 0;
    for (;;) {
        la_ssize_t got = source_read(source, part, COPY);
        if (got < 0)
            return damaged(source, e);
        if (got == 0)
            return 0;
        copied += (size_t)got;
        if (copied > limit)
            return too_much(limit, e);
        int r = file_write(fd, part, (size_t)got);
        if (r < 0)
            return error_errno(e, -r, "%s: cannot be written", path);
        if (signals_check(e) < 0)
            return -ECANCELED;
        progress_show(progress, copied);
    }
}

/* Begins to unpack `data`. Returns 0 or a negative errno. */
static int source_open(struct source *source, const char *data, size_t size, struct error *e)
{
    const struct archive_library *library = lazylibs_archive(e);
    if (!library)
        return -ENOENT;
    struct archive *archive = library->archive_read_new();
    *source = (struct source){library, archive};
    if (!archive)
        return error_errno(e, ENOMEM, "libarchive");
    filter *const filters[] = {
        library->archive_read_support_filter_bzip2, library->archive_read_support_filter_gzip,
        library->archive_read_support_filter_lz4,   library->archive_read_support_filter_lzma,
        library->archive_read_support_filter_xz,    library->archive_read_support_filter_zstd,
    };
    for (size_t i = 0; i < ELEMENTS(filters); i++)
        (void)filters[i](archive);
    (void)library->archive_read_support_format_raw(archive);
    struct archive_entry *entry;
    bool opened = library->archive_read_open_memory(archive, data, size) == ARCHIVE_OK &&
                  library->archive_read_next_header(archive, &entry) == ARCHIVE_OK;
    return opened ? 0 : damaged(source, e);
}

int decompress(const char *data, size_t size, size_t limit, char **unpacked, size_t *unpacked_size,
               struct error *e)
{
    *unpacked = NULL;
    struct source source CLEANUP(source_close) = {0};
    int r = source_open(&source, data, size, e);
    return r < 0 ? r : read_all(&source, limit, unpacked, unpacked_size, e);
}

int decompress_to(const char *path, const char *data, size_t size, size_t limit,
                  struct progress *progress, struct error *e)
{
    struct source source CLEANUP(source_close) = {0};
    int r = source_open(&source, data, size, e);
    return r < 0 ? r : copy_all(&source, path, limit, progress, e);
}

int decompress_head(const char *data, size_t size, char *head, size_t wanted, struct error *e)
{
    struct source source CLEANUP(source_close) = {0};
    int r = source_open(&source, data, size, e);
    for (size_t filled = 0; r == 0 && filled < wanted;) {
        la_ssize_t got = source_read(&source, head + filled, wanted - filled);
        if (got <= 0)
            r = damaged(&source, e);
        else
            filled += (size_t)got;
    }
    return r;
}

char *decompress_module(const char *path, size_t limit, size_t *size, struct error *e)
{
    bool packed = !endswith(path, ".ko");
    char *content CLEANUP_FREE = file_read(path, packed ? FILE_LIMIT : limit, size, e);
    if (!content || !packed)
        return TAKE(content);
    char *data = NULL;
    int r = decompress(content, *size, limit, &data, size, e);
    if (r < 0)
        (void)error_context(e, r, "%s", path);
    return data;
}
