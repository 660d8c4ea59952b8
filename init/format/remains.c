/* SPDX-License-Identifier: MIT */
#include "init/format/remains.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h> /* ext2fs.h needs its types */
#include <unistd.h>

#include <ext2fs/ext2fs.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/bytes.h"
#include "base/compare.h"
#include "init/format/scan.h"

/* In a superblock: its magic, and what a replay cannot know, the number of KiB that were written to
 * the device, with the checksum that follows from it. */
enum { SUPERBLOCK = 1024, MAGIC = 56, WRITTEN = 376, CHECKSUM = 1020 };

/* How much of the device is compared at a time. */
#define CHUNK ((size_t)64 * 1024)

/* A format that is gone through again: it reads and writes `store`, a sparse file in memory. */
static struct replay {
    int store;
    int device;
    const char *name;
    struct remains *remains;
} * replaying; /* libext2fs opens channels by name only */

static void add(struct remains *remains, uint64_t sector)
{
    ARRAY_PUSH(remains->sectors, remains->count, sector);
}

static bool is_superblock(const uint8_t *data, uint64_t offset)
{
    return offset == SUPERBLOCK || (data[MAGIC] == 0x53 && data[MAGIC + 1] == 0xef);
}

/* Takes these fields of each superblock in `there` for those of `data`. */
static void accept_fields(uint8_t *there, const uint8_t *data, uint64_t offset, size_t length)
{
    for (size_t at = 0; at + SUPERBLOCK <= length; at += SCAN_SECTOR)
        if (is_superblock(data + at, offset + at)) {
            memcpy(there + at + WRITTEN, data + at + WRITTEN, 8);
            memcpy(there + at + CHECKSUM, data + at + CHECKSUM, 4);
        }
}

/* Notes each sector on the device that is what was written here, and is not zeros. */
static int compare_chunk(const struct replay *replay, uint64_t offset, const uint8_t *data,
                         size_t length)
{
    uint8_t *there CLEANUP_FREE = xcalloc(1, length);
    int r = scan_read(replay->device, replay->name, offset, there, length, NULL);
    if (r < 0)
        return r;
    accept_fields(there, data, offset, length);
    for (size_t at = 0; at + SCAN_SECTOR <= length; at += SCAN_SECTOR)
        if (memcmp(there + at, data + at, SCAN_SECTOR) == 0 &&
            !bytes_are_zero(there + at, SCAN_SECTOR))
            add(replay->remains, offset + at);
    return 0;
}

/* Zeros take no room in the store. */
static int write_store(const struct replay *replay, uint64_t offset, const uint8_t *data,
                       size_t length)
{
    if (bytes_are_zero(data, length))
        return fallocate(replay->store, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                         (off_t)length) < 0
                   ? -errno
                   : 0;
    ssize_t n = pwrite(replay->store, data, length, (off_t)offset);
    if (n != (ssize_t)length)
        return n < 0 ? -errno : -EIO;
    return compare_chunk(replay, offset, data, length);
}

static size_t length_of(io_channel channel, int count)
{
    return count < 0 ? (size_t)-count : (size_t)count * (size_t)channel->block_size;
}

static errcode_t replay_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    free(channel->name);
    free(channel);
    return 0;
}

static errcode_t replay_set_blksize(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

static errcode_t replay_read_blk64(io_channel channel, unsigned long long block, int count,
                                   void *data)
{
    const struct replay *replay = channel->private_data;
    int r = scan_read(replay->store, replay->name, block * (unsigned)channel->block_size, data,
                      length_of(channel, count), NULL);
    return r < 0 ? -r : 0;
}

static errcode_t replay_read_blk(io_channel channel, unsigned long block, int count, void *data)
{
    return replay_read_blk64(channel, block, count, data);
}

static errcode_t replay_write_blk64(io_channel channel, unsigned long long block, int count,
                                    const void *data)
{
    const struct replay *replay = channel->private_data;
    uint64_t offset = block * (unsigned)channel->block_size;
    size_t length = length_of(channel, count);
    for (size_t done = 0; done < length; done += CHUNK) {
        size_t part = length - done < CHUNK ? length - done : CHUNK;
        int r = write_store(replay, offset + done, (const uint8_t *)data + done, part);
        if (r < 0)
            return -r;
    }
    return 0;
}

static errcode_t replay_write_blk(io_channel channel, unsigned long block, int count,
                                  const void *data)
{
    return replay_write_blk64(channel, block, count, data);
}

static errcode_t replay_flush(io_channel channel)
{
    (void)channel;
    return 0;
}

static errcode_t replay_open(const char *name, int flags, io_channel *result);

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "a format that is gone through again",
    .open = replay_open,
    .close = replay_close,
    .set_blksize = replay_set_blksize,
    .read_blk = replay_read_blk,
    .write_blk = replay_write_blk,
    .flush = replay_flush,
    .read_blk64 = replay_read_blk64,
    .write_blk64 = replay_write_blk64,
};

static errcode_t replay_open(const char *name, int flags, io_channel *result)
{
    (void)flags;
    io_channel channel = xcalloc(1, sizeof *channel);
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &manager;
    channel->name = xstrdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = replaying;
    *result = channel;
    return 0;
}

int remains_find(int fd, const char *name, const struct ext4_format *format,
                 struct remains *remains, struct error *e)
{
    remains_free(remains);
    int store CLEANUP_CLOSE = memfd_create("format", MFD_CLOEXEC);
    if (store < 0 || ftruncate(store, (off_t)format->size) < 0)
        return error_errno(e, errno, "%s: cannot go through its interrupted format again", name);
    struct replay replay = {.store = store, .device = fd, .name = name, .remains = remains};
    replaying = &replay;
    int r = ext4_make_through(&manager, name, name, format, e);
    replaying = NULL;
    if (r == 0 && remains->count)
        qsort(remains->sectors, remains->count, sizeof *remains->sectors, compare_u64);
    return r;
}

void remains_free(struct remains *remains)
{
    free(remains->sectors);
    *remains = (struct remains){0};
}
