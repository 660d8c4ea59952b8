/* SPDX-License-Identifier: MIT */
/* replay-writes: reconstructs a disk after power loss from a record of all writes.
 *
 *   replay-writes LOG                         prints the number of recorded entries
 *   replay-writes LOG DEVICE ENTRIES SEED     power is lost after that many entries
 *
 * LOG is what the kernel's dm-log-writes and QEMU's blklogwrites write (the kernel's
 * Documentation/admin-guide/device-mapper/log-writes.rst); DEVICE is a copy of the disk as it was
 * at the start. The result contains all writes that a later flush covers or that bypassed the cache
 * (FUA). Of the others it contains a random part, chosen by SEED in blocks of 4 KiB: a cache keeps
 * no order. */
#include <endian.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FLAG_FLUSH = 1, FLAG_FUA = 2, FLAG_DISCARD = 4, BLOCK = 4096 };

static const uint64_t magic_number = 0x6a736677736872;

struct super {
    uint64_t magic, version, entries;
    uint32_t sector_size;
};

struct entry {
    uint64_t sector, sectors, flags, length;
};

struct record {
    int fd;
    uint64_t entries;
    uint32_t sector_size;
};

static void read_at(int fd, void *bytes, size_t length, off_t at)
{
    if (pread(fd, bytes, length, at) != (ssize_t)length)
        error(EXIT_FAILURE, errno, "reading %zu bytes at %jd", length, (intmax_t)at);
}

static struct record open_record(const char *name)
{
    struct super super;
    struct record r = {.fd = open(name, O_RDONLY | O_CLOEXEC)};
    if (r.fd < 0)
        error(EXIT_FAILURE, errno, "%s", name);
    read_at(r.fd, &super, sizeof super, 0);
    r.entries = le64toh(super.entries);
    r.sector_size = le32toh(super.sector_size);
    if (le64toh(super.magic) != magic_number || r.sector_size < sizeof super)
        error(EXIT_FAILURE, 0, "%s: not a record of writes", name);
    return r;
}

/* Reads the entry at *at and advances *at to the next; *data is the offset of its data. */
static struct entry next_entry(const struct record *r, off_t *at, off_t *data)
{
    struct entry e;
    read_at(r->fd, &e, sizeof e, *at);
    e.sector = le64toh(e.sector);
    e.sectors = le64toh(e.sectors);
    e.flags = le64toh(e.flags);
    *data = *at + r->sector_size;
    *at = *data + (e.flags & FLAG_DISCARD ? 0 : (off_t)(e.sectors * r->sector_size));
    return e;
}

/* Returns the number of the first `entries` that are covered by a flush among them. */
static uint64_t flushed_of(const struct record *r, uint64_t entries)
{
    uint64_t flushed = 0;
    off_t at = r->sector_size, data;
    for (uint64_t i = 0; i < entries; i++)
        if (next_entry(r, &at, &data).flags & FLAG_FLUSH)
            flushed = i + 1;
    return flushed;
}

/* Writes an entry's blocks to the device, all or a random half of them. */
static void apply(const struct record *r, const struct entry *e, off_t data, int device, bool all)
{
    char block[BLOCK];
    size_t length = e->sectors * r->sector_size;
    off_t to = (off_t)(e->sector * r->sector_size);
    for (size_t done = 0; done < length; done += BLOCK) {
        size_t part = length - done < BLOCK ? length - done : BLOCK;
        if (!all && random() % 2)
            continue;
        read_at(r->fd, block, part, data + (off_t)done);
        if (pwrite(device, block, part, to + (off_t)done) != (ssize_t)part)
            error(EXIT_FAILURE, errno, "writing the device");
    }
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    if (!*text || *end)
        error(EXIT_FAILURE, 0, "%s: not a number", text);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5)
        error(EXIT_FAILURE, 0, "usage: replay-writes LOG [DEVICE ENTRIES SEED]");
    struct record r = open_record(argv[1]);
    if (argc == 2)
        return printf("%" PRIu64 "\n", r.entries) < 0;

    int device = open(argv[2], O_WRONLY | O_CLOEXEC);
    if (device < 0)
        error(EXIT_FAILURE, errno, "%s", argv[2]);
    uint64_t entries = number(argv[3]);
    srandom((unsigned)number(argv[4]));
    if (entries > r.entries)
        entries = r.entries;
    uint64_t flushed = flushed_of(&r, entries);
    off_t at = r.sector_size, data;
    for (uint64_t i = 0; i < entries; i++) {
        struct entry e = next_entry(&r, &at, &data);
        if (!(e.flags & FLAG_DISCARD))
            apply(&r, &e, data, device, i < flushed || (e.flags & FLAG_FUA));
    }
    return close(device) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
