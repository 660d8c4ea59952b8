/* SPDX-License-Identifier: MIT */
#include "init/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "init/ext4.h"
#include "init/marker.h"

/* How much at either end must be zeros. */
#define BLANK_ENDS ((uint64_t)1024 * 1024)

/* And how much at each power of two between them: disks that have lost their partition table, a
 * RAID or LVM superblock or the first of btrfs may have zeros at both ends and all their data
 * still. Partitions and volumes begin at round addresses, mostly at 1 MiB, and every filesystem
 * has a superblock in its first 68 KiB. */
#define BLANK_SAMPLE ((uint64_t)68 * 1024)

/* Where a superblock of ext4 has its UUID: s_uuid, in the sector at MARKER_COMMIT. */
#define SUPERBLOCK_UUID 104

/* Reads all of `length` bytes; a device that ends early cannot be read. */
static int read_all(int fd, const char *name, uint64_t offset, void *buffer, size_t length,
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

static size_t first_nonzero(const uint64_t *words, size_t length)
{
    size_t i = 0;
    while (i < length / sizeof *words && !words[i])
        i++;
    const uint8_t *bytes = (const uint8_t *)words;
    for (i *= sizeof *words; i < length; i++)
        if (bytes[i])
            return i;
    return length;
}

/* Looks for a byte that is not zero in `end - offset` bytes. Returns 1 and its place in *found,
 * 0 when there is none, or a negative errno. */
static int scan(int fd, const char *name, uint64_t offset, uint64_t end, uint64_t *found,
                struct error *e)
{
    const size_t chunk = 64 * 1024;
    uint64_t *buffer CLEANUP_FREE = xcalloc(1, chunk);
    while (offset < end) {
        size_t length = end - offset < chunk ? (size_t)(end - offset) : chunk;
        int r = read_all(fd, name, offset, buffer, length, e);
        if (r < 0)
            return r;
        size_t at = first_nonzero(buffer, length);
        if (at < length) {
            *found = offset + at;
            return 1;
        }
        offset += length;
    }
    return 0;
}

/* Looks for data at 1 MiB, 2 MiB, 4 MiB and so on. */
static int scan_samples(int fd, const char *name, uint64_t size, uint64_t *found, struct error *e)
{
    int r = 0;
    for (uint64_t at = BLANK_ENDS; !r && at < size - BLANK_ENDS; at *= 2) {
        uint64_t end = size - at < BLANK_SAMPLE ? size : at + BLANK_SAMPLE;
        r = scan(fd, name, at, end, found, e);
    }
    return r;
}

static int scan_device(int fd, const char *name, uint64_t size, uint64_t *found, struct error *e)
{
    /* libblkid has switched read-ahead off for its own reads. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
    if (size <= 2 * BLANK_ENDS)
        return scan(fd, name, 0, size, found, e);
    int r = scan(fd, name, 0, BLANK_ENDS, found, e);
    if (!r)
        r = scan(fd, name, size - BLANK_ENDS, size, found, e);
    return r ? r : scan_samples(fd, name, size, found, e);
}

static int decide(struct blank *b, enum blank_state state, char *what)
{
    b->state = state;
    b->what = what;
    return 0;
}

static bool all_zeros(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

/* Whether our marker stands on the device and means something there; see marker.h. */
static int look_for_marker(int fd, const char *name, struct blank *b, bool *decided,
                           struct error *e)
{
    uint8_t start[MARKER_COMMIT + MARKER_SECTOR];
    const uint8_t *superblock = start + MARKER_COMMIT;
    struct marker m;
    *decided = false;
    if (b->probe.size < sizeof start)
        return 0;
    int r = read_all(fd, name, 0, start, sizeof start, e);
    if (r < 0)
        return r;
    if (!marker_decode(start, &m) || m.size != b->probe.size ||
        !all_zeros(start + MARKER_SECTOR, MARKER_COMMIT - MARKER_SECTOR))
        return 0;
    if (b->probe.verdict == PROBE_NOTHING && all_zeros(superblock, MARKER_SECTOR)) {
        *decided = true;
        return decide(b, BLANK_INTERRUPTED, xstrdup("an ext4 format that was interrupted"));
    }
    if (probe_is_filesystem(&b->probe) && strcmp(b->probe.type, "ext4") == 0 && !b->probe.pttype &&
        memcmp(superblock + SUPERBLOCK_UUID, m.uuid, sizeof m.uuid) == 0) {
        *decided = true;
        return decide(b, BLANK_UNCLEARED, probe_describe(&b->probe));
    }
    return 0;
}

/* Names what is neither zeros nor anything that libblkid vouches for. */
static int name_unknown(int fd, const char *name, struct blank *b, uint64_t found, struct error *e)
{
    struct probe damaged CLEANUP_PROBE = {0};
    int r = probe_damaged(fd, name, &damaged, e);
    if (r < 0)
        return r;
    if (damaged.verdict != PROBE_NOTHING) {
        char *what CLEANUP_FREE = probe_describe(&damaged);
        return decide(b, BLANK_HELD, xasprintf("a damaged %s", what));
    }
    return decide(b, BLANK_HELD,
                  xasprintf("data of no known format, the first of it at byte %llu",
                            (unsigned long long)found));
}

static int examine_unknown(int fd, const char *name, struct blank *b, struct error *e)
{
    uint64_t found = 0;
    int r = scan_device(fd, name, b->probe.size, &found, e);
    if (r < 0)
        return r;
    if (r > 0)
        return name_unknown(fd, name, b, found, e);
    if (b->probe.size < EXT4_MINIMUM_SIZE)
        return decide(
            b, BLANK_TOO_SMALL,
            xasprintf("nothing, and only %llu bytes of room", (unsigned long long)b->probe.size));
    return decide(b, BLANK_YES, xstrdup("nothing"));
}

int blank_examine(int fd, const char *name, struct blank *b, struct error *e)
{
    blank_free(b);
    int r = probe_fd(fd, name, &b->probe, e);
    if (r < 0)
        return r;
    if (b->probe.verdict == PROBE_AMBIVALENT)
        return decide(b, BLANK_AMBIVALENT, probe_describe(&b->probe));
    bool decided;
    r = look_for_marker(fd, name, b, &decided, e);
    if (r < 0 || decided)
        return r;
    if (b->probe.verdict == PROBE_FOUND)
        return decide(b, BLANK_HELD, probe_describe(&b->probe));
    return examine_unknown(fd, name, b, e);
}

void blank_free(struct blank *b)
{
    free(b->what);
    probe_free(&b->probe);
    *b = (struct blank){0};
}
