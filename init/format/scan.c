/* SPDX-License-Identifier: MIT */
#include "init/format/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/compare.h"
#include "base/log.h"
#include "base/units.h"

/* Bytes of a read, of a part of the device and of the whole one. */
#define PART_CHUNK  ((size_t)64 * 1024)
#define WHOLE_CHUNK ((size_t)2 * 1024 * 1024)

/* Sufficient for direct I/O on any device. */
#define ALIGNMENT 4096

/* Milliseconds between two progress messages. */
#define PROGRESS_INTERVAL 5000

int scan_read(int fd, const char *name, uint64_t offset, void *buffer, size_t length,
              struct error *e)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = pread(fd, (char *)buffer + done, length - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(e, n < 0 ? errno : EIO, "%s: cannot be read at byte %llu", name,
                               (unsigned long long)(offset + done));
        done += (size_t)n;
    }
    return 0;
}

/* Returns the index of the first word that is not zero, from `from` on. Compares eight words at a
 * time: most of a disk is zeros. */
static size_t skip_zeros(const uint64_t *words, size_t from, size_t count)
{
    size_t i = from;
    for (; i + 8 <= count; i += 8) {
        const uint64_t *w = words + i;
        if (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7])
            break;
    }
    while (i < count && !words[i])
        i++;
    return i;
}

/* Returns the offset of the first byte that is not zero, from `from` (a multiple of 8) on. */
static size_t first_nonzero(const uint64_t *words, size_t from, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)words;
    size_t i = skip_zeros(words, from / sizeof *words, length / sizeof *words) * sizeof *words;
    while (i < length && !bytes[i])
        i++;
    return i;
}

static bool is_known(const struct scan *scan, uint64_t sector)
{
    return scan->known_count &&
           bsearch(&sector, scan->known, scan->known_count, sizeof *scan->known, compare_u64);
}

/* Returns the first byte in `buffer`, read from `offset`, that is neither zero nor in a known
 * sector. */
static size_t first_unknown(const struct scan *scan, const uint64_t *buffer, uint64_t offset,
                            size_t length)
{
    size_t at = first_nonzero(buffer, 0, length);
    while (at < length) {
        size_t sector = at - at % SCAN_SECTOR;
        if (!is_known(scan, offset + sector))
            return at;
        at = length - sector > SCAN_SECTOR ? first_nonzero(buffer, sector + SCAN_SECTOR, length)
                                           : length;
    }
    return length;
}

/* The progress messages of scan_whole(). */
struct progress {
    int64_t next; /* time of the next message, by clock_milliseconds() */
};

static void say_progress(const struct scan *scan, struct progress *progress, uint64_t offset)
{
    int64_t now = clock_milliseconds();
    if (now < progress->next)
        return;
    progress->next = now + PROGRESS_INTERVAL;
    log_info("%s: reading all of it, to be sure that it is blank: %" PRIu64 " of %" PRIu64 " MiB",
             scan->name, offset / MIB, scan->size / MIB);
}

/* Returns the offset of the next data of a regular file; `offset` itself for a device, which
 * reports no holes. */
static uint64_t next_data(const struct scan *scan, bool regular, uint64_t offset, uint64_t end)
{
    off_t next = regular ? lseek(scan->fd, (off_t)offset, SEEK_DATA) : (off_t)offset;
    if (next < 0)
        return errno == ENXIO ? end : offset;
    uint64_t sector = (uint64_t)next - (uint64_t)next % SCAN_SECTOR;
    return sector < end ? sector : end;
}

static int scan_by(const struct scan *scan, uint64_t offset, uint64_t end, size_t chunk,
                   struct progress *progress, uint64_t *found, struct error *e)
{
    struct stat st;
    bool regular = fstat(scan->fd, &st) == 0 && S_ISREG(st.st_mode);
    uint64_t *buffer CLEANUP_FREE = aligned_alloc(ALIGNMENT, chunk);
    if (!buffer)
        alloc_out_of_memory();
    while ((offset = next_data(scan, regular, offset, end)) < end) {
        size_t length = end - offset < chunk ? (size_t)(end - offset) : chunk;
        int r = scan_read(scan->fd, scan->name, offset, buffer, length, e);
        if (r < 0)
            return r;
        size_t at = first_unknown(scan, buffer, offset, length);
        if (at < length) {
            *found = offset + at;
            return 1;
        }
        offset += length;
        if (progress)
            say_progress(scan, progress, offset);
    }
    return 0;
}

int scan_range(const struct scan *scan, uint64_t offset, uint64_t end, uint64_t *found,
               struct error *e)
{
    return scan_by(scan, offset, end, PART_CHUNK, NULL, found, e);
}

int scan_whole(const struct scan *scan, uint64_t *found, struct error *e)
{
    struct progress progress = {.next = clock_milliseconds() + PROGRESS_INTERVAL / 2};
    struct stat st;
    int flags = fcntl(scan->fd, F_GETFL);
    /* bypasses the page cache, which would copy each byte and fill the memory for nothing */
    bool direct = flags >= 0 && fstat(scan->fd, &st) == 0 && S_ISBLK(st.st_mode) &&
                  fcntl(scan->fd, F_SETFL, flags | O_DIRECT) == 0;
    int r = scan_by(scan, 0, scan->size, WHOLE_CHUNK, &progress, found, e);
    if (direct)
        (void)fcntl(scan->fd, F_SETFL, flags);
    return r;
}
