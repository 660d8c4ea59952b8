/* SPDX-License-Identifier: MIT */
#include "init/format/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/text.h"
#include "common/stamp.h"
#include "init/format/ext4.h"
#include "init/format/formatmarker.h"
#include "init/format/remains.h"
#include "init/format/scan.h"

/* Bytes that are read at either end of a device with the host's stamp. */
#define BLANK_ENDS ((uint64_t)1024 * 1024)

/* Bytes that are read at each power of two between the ends. Too few for a device without a stamp,
 * where a filesystem may begin at any MiB. */
#define BLANK_SAMPLE ((uint64_t)68 * 1024)

/* Offset of s_uuid in the superblock of ext4, whose first sector is at FORMATMARKER_COMMIT. */
#define SUPERBLOCK_UUID 104

/* The sector that may have a stamp, or a marker of run-vm 0.1. */
static const uint64_t first_sector[] = {0};

/* Looks for data at 1 MiB, 2 MiB, 4 MiB and so on. */
static int scan_samples(const struct scan *scan, uint64_t *found, struct error *e)
{
    for (uint64_t at = BLANK_ENDS; at < scan->size - BLANK_ENDS; at *= 2) {
        uint64_t end = scan->size - at < BLANK_SAMPLE ? scan->size : at + BLANK_SAMPLE;
        int r = scan_range(scan, at, end, found, e);
        if (r)
            return r;
    }
    return 0;
}

/* Reads samples of a device with a stamp. */
static int scan_stamped(const struct scan *scan, uint64_t *found, struct error *e)
{
    /* libblkid has switched read-ahead off */
    (void)posix_fadvise(scan->fd, 0, 0, POSIX_FADV_NORMAL);
    if (scan->size <= 2 * BLANK_ENDS)
        return scan_range(scan, 0, scan->size, found, e);
    int r = scan_range(scan, 0, BLANK_ENDS, found, e);
    if (r)
        return r;
    r = scan_range(scan, scan->size - BLANK_ENDS, scan->size, found, e);
    return r ? r : scan_samples(scan, found, e);
}

static int decide(struct blank *b, enum blank_state state, char *what)
{
    b->state = state;
    b->what = what;
    return 0;
}

/* Decides BLANK_INTERRUPTED if every sector is zeros or data of the format that the marker
 * describes. */
static int examine_interrupted(int fd, const char *name, struct blank *b, struct error *e)
{
    struct remains remains CLEANUP_REMAINS = {0};
    struct scan scan = {
        .fd = fd, .name = name, .size = b->probe.size, .known = first_sector, .known_count = 1};
    if (b->marker.sector) { /* a marker of run-vm 0.1 does not describe its format's data */
        struct ext4_format format;
        ext4_resume(&b->marker, &format);
        int r = remains_find(fd, name, &format, &remains, e);
        if (r < 0)
            return r;
        scan.known = remains.sectors;
        scan.known_count = remains.count;
    }
    uint64_t found;
    int r = scan_whole(&scan, &found, e);
    if (r < 0)
        return r;
    if (r > 0)
        return decide(
            b, BLANK_HELD,
            xasprintf("an interrupted ext4 format, and other data, the first of it at byte "
                      "%llu",
                      (unsigned long long)found));
    return decide(b, BLANK_INTERRUPTED, xstrdup("an interrupted ext4 format"));
}

/* Decides the state of a device that has our marker, if it is valid; see formatmarker.h. */
static int look_for_marker(int fd, const char *name, struct blank *b, bool *decided,
                           struct error *e)
{
    uint8_t start[FORMATMARKER_COMMIT + FORMATMARKER_SECTOR];
    const uint8_t *superblock = start + FORMATMARKER_COMMIT;
    struct formatmarker *m = &b->marker;
    *decided = false;
    if (b->probe.size < sizeof start)
        return 0;
    int r = scan_read(fd, name, 0, start, sizeof start, e);
    if (r < 0)
        return r;
    if (!formatmarker_decode(start, m) || m->size != b->probe.size ||
        !bytes_are_zero(start + FORMATMARKER_SECTOR, FORMATMARKER_COMMIT - FORMATMARKER_SECTOR))
        return 0;
    if (b->probe.verdict == PROBE_NOTHING && bytes_are_zero(superblock, FORMATMARKER_SECTOR)) {
        *decided = true;
        return examine_interrupted(fd, name, b, e);
    }
    if (probe_is_filesystem(&b->probe) && streq(b->probe.type, "ext4") && !b->probe.pttype &&
        memcmp(superblock + SUPERBLOCK_UUID, m->uuid, sizeof m->uuid) == 0) {
        *decided = true;
        return decide(b, BLANK_UNCLEARED, probe_describe(&b->probe));
    }
    return 0;
}

/* Describes data, at byte `found`, that libblkid does not recognise as valid. */
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

/* Sets *stamped if the device has the host's stamp, and *good if the stamp is of this start. */
static int look_for_stamp(int fd, const char *name, const struct strv *stamps,
                          const struct blank *b, bool *stamped, bool *good, struct error *e)
{
    uint8_t sector[STAMP_SECTOR];
    char word[STAMP_WORD + 1];
    *stamped = *good = false;
    if (b->probe.size < sizeof sector)
        return 0;
    int r = scan_read(fd, name, 0, sector, sizeof sector, e);
    if (r < 0)
        return r;
    *stamped = stamp_decode(sector, word);
    *good = *stamped && stamps && strv_contains(stamps, word);
    return 0;
}

static int examine_unknown(int fd, const char *name, const struct strv *stamps, struct blank *b,
                           struct error *e)
{
    uint64_t found = 0;
    bool stamped, good;
    int r = look_for_stamp(fd, name, stamps, b, &stamped, &good, e);
    if (r < 0)
        return r;
    const struct scan scan = {.fd = fd,
                              .name = name,
                              .size = b->probe.size,
                              .known = first_sector,
                              .known_count = stamped};
    r = good ? scan_stamped(&scan, &found, e) : scan_whole(&scan, &found, e);
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

int blank_examine(int fd, const char *name, const struct strv *stamps, struct blank *b,
                  struct error *e)
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
    return examine_unknown(fd, name, stamps, b, e);
}

void blank_free(struct blank *b)
{
    free(b->what);
    probe_free(&b->probe);
    *b = (struct blank){0};
}
