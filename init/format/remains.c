/* SPDX-License-Identifier: MIT */
#include "init/format/remains.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/bytes.h"
#include "base/compare.h"
#include "init/format/ext4channel.h"
#include "init/format/scan.h"

/* Offset of the superblock, and the offsets in it of the magic and of two fields that a replay
 * cannot reproduce: the number of KiB written to the device, and the checksum, which depends on it.
 */
enum { SUPERBLOCK = 1024, MAGIC = 56, WRITTEN = 376, CHECKSUM = 1020 };

/* Bytes of the device that are compared at a time. */
#define CHUNK ((size_t)64 * 1024)

/* A format that is repeated on `store`, a sparse file in memory, instead of the device. */
static struct replay {
    int store;
    int device;
    const char *name;
    struct remains *remains;
} * replaying; /* for replay_open(): libext2fs passes only a name */

static bool is_superblock(const uint8_t *data, uint64_t offset)
{
    return offset == SUPERBLOCK || (data[MAGIC] == 0x53 && data[MAGIC + 1] == 0xef);
}

/* Copies the fields that cannot be reproduced from the superblocks in `data` to those in `there`.
 */
static void accept_fields(uint8_t *there, const uint8_t *data, uint64_t offset, size_t length)
{
    for (size_t at = 0; at + SUPERBLOCK <= length; at += SCAN_SECTOR)
        if (is_superblock(data + at, offset + at)) {
            memcpy(there + at + WRITTEN, data + at + WRITTEN, 8);
            memcpy(there + at + CHECKSUM, data + at + CHECKSUM, 4);
        }
}

/* Adds to the remains each sector of the device that equals `data`, and is not zeros. */
static int compare_chunk(const struct replay *replay, uint64_t offset, const uint8_t *data,
                         size_t length)
{
    uint8_t *there CLEANUP_FREE = xcalloc(1, length);
    int r = scan_read(replay->device, replay->name, offset, there, length, NULL);
    if (r < 0)
        return r;
    accept_fields(there, data, offset, length);
    struct remains *remains = replay->remains;
    for (size_t at = 0; at + SCAN_SECTOR <= length; at += SCAN_SECTOR)
        if (memcmp(there + at, data + at, SCAN_SECTOR) == 0 &&
            !bytes_are_zero(there + at, SCAN_SECTOR))
            ARRAY_PUSH(remains->sectors, remains->count, offset + at);
    return 0;
}

/* Writes to the store, where zeros become holes, and compares with the device. */
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
                      ext4channel_length(channel, count), NULL);
    return r < 0 ? -r : 0;
}

static errcode_t replay_write_blk64(io_channel channel, unsigned long long block, int count,
                                    const void *data)
{
    const struct replay *replay = channel->private_data;
    uint64_t offset = block * (unsigned)channel->block_size;
    size_t length = ext4channel_length(channel, count);
    for (size_t done = 0; done < length; done += CHUNK) {
        size_t part = length - done < CHUNK ? length - done : CHUNK;
        int r = write_store(replay, offset + done, (const uint8_t *)data + done, part);
        if (r < 0)
            return -r;
    }
    return 0;
}

static errcode_t replay_flush(io_channel channel)
{
    (void)channel;
    return 0;
}

static errcode_t replay_open(const char *name, int flags, io_channel *result);

static struct struct_io_manager manager = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "replay of an interrupted format",
    .open = replay_open,
    .close = ext4channel_close,
    .set_blksize = replay_set_blksize,
    .read_blk = ext4channel_read_blk,
    .write_blk = ext4channel_write_blk,
    .flush = replay_flush,
    .read_blk64 = replay_read_blk64,
    .write_blk64 = replay_write_blk64,
};

static errcode_t replay_open(const char *name, int flags, io_channel *result)
{
    (void)flags;
    *result = ext4channel_new(&manager, name, 1024, replaying);
    return 0;
}

int remains_find(int fd, const char *name, const struct ext4_format *format,
                 struct remains *remains, struct error *e)
{
    remains_free(remains);
    int store CLEANUP_CLOSE = memfd_create("format", MFD_CLOEXEC);
    if (store < 0 || ftruncate(store, (off_t)format->size) < 0)
        return error_errno(e, errno, "%s: its interrupted format cannot be replayed", name);
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
