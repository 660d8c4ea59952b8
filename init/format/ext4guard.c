/* SPDX-License-Identifier: MIT */
#include "init/format/ext4guard.h"

#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

/* Writes that begin below this offset are changed by hold_back(); all others are passed on. */
#define GUARDED_END (FORMATMARKER_COMMIT + FORMATMARKER_SECTOR)

/* The guard for the next guard_open(): libext2fs passes only a name. */
static struct ext4guard *opening;

static struct ext4guard *of(io_channel channel)
{
    return channel->private_data;
}

static errcode_t guard_open(const char *name, int flags, io_channel *result)
{
    (void)flags;
    io_channel channel =
        ext4channel_new(&opening->manager, name, opening->backing->block_size, opening);
    channel->flags = opening->backing->flags;
    channel->align = opening->backing->align;
    *result = channel;
    return 0;
}

static errcode_t guard_set_blksize(io_channel channel, int size)
{
    errcode_t r = io_channel_set_blksize(of(channel)->backing, size);
    if (!r)
        channel->block_size = size;
    return r;
}

static errcode_t guard_read_blk64(io_channel channel, unsigned long long block, int count,
                                  void *data)
{
    return io_channel_read_blk64(of(channel)->backing, block, count, data);
}

/* Replaces sector 0 in `data`, to be written at `offset`, by the marker, and sector 2 by zeros;
 * keeps sector 2 for the commit. */
static void hold_back(struct ext4guard *guard, uint8_t *data, uint64_t offset, size_t length)
{
    for (uint64_t at = offset; at < offset + length && at < GUARDED_END; at++) {
        uint8_t *byte = &data[at - offset];
        if (at < FORMATMARKER_SECTOR) {
            *byte = guard->first[at];
        } else if (at >= FORMATMARKER_COMMIT) {
            guard->held[at - FORMATMARKER_COMMIT] = *byte;
            *byte = 0;
        }
    }
}

static errcode_t guard_write_blk64(io_channel channel, unsigned long long block, int count,
                                   const void *data)
{
    struct ext4guard *guard = of(channel);
    uint64_t offset = block * (unsigned)channel->block_size;
    if (offset >= GUARDED_END)
        return io_channel_write_blk64(guard->backing, block, count, data);

    size_t length = ext4channel_length(channel, count);
    uint8_t *copy CLEANUP_FREE = xcalloc(1, length);
    memcpy(copy, data, length);
    hold_back(guard, copy, offset, length);
    return io_channel_write_blk64(guard->backing, block, count, copy);
}

static errcode_t guard_flush(io_channel channel)
{
    return io_channel_flush(of(channel)->backing);
}

static errcode_t guard_zeroout(io_channel channel, unsigned long long block,
                               unsigned long long count)
{
    if (block * (unsigned)channel->block_size < GUARDED_END)
        return EXT2_ET_UNIMPLEMENTED; /* makes libext2fs write zeros */
    return io_channel_zeroout(of(channel)->backing, block, count);
}

static errcode_t guard_get_stats(io_channel channel, io_stats *stats)
{
    io_channel backing = of(channel)->backing;
    return backing->manager->get_stats ? backing->manager->get_stats(backing, stats) : 0;
}

static errcode_t write_sector(struct ext4guard *guard, unsigned long long sector,
                              const uint8_t *data)
{
    errcode_t r = io_channel_set_blksize(guard->backing, FORMATMARKER_SECTOR);
    if (r)
        return r;
    r = io_channel_write_blk64(guard->backing, sector, 1, data);
    return r ? r : io_channel_flush(guard->backing);
}

errcode_t ext4guard_begin(struct ext4guard *guard, io_manager backing, const char *name,
                          const struct formatmarker *marker)
{
    *guard = (struct ext4guard){
        .manager =
            {
                .magic = EXT2_ET_MAGIC_IO_MANAGER,
                .name = "format that may be interrupted",
                .open = guard_open,
                .close = ext4channel_close, /* the backing channel stays open for the commit */
                .set_blksize = guard_set_blksize,
                .read_blk = ext4channel_read_blk,
                .write_blk = ext4channel_write_blk,
                .flush = guard_flush,
                .get_stats = guard_get_stats,
                .read_blk64 = guard_read_blk64,
                .write_blk64 = guard_write_blk64,
                .zeroout = guard_zeroout,
            },
    };
    errcode_t r = backing->open(name, IO_FLAG_RW, &guard->backing);
    if (r)
        return r;
    formatmarker_encode(marker, guard->first);
    opening = guard;
    return write_sector(guard, 0, guard->first);
}

static errcode_t clear_marker(struct ext4guard *guard)
{
    static const uint8_t zeros[FORMATMARKER_SECTOR];
    return write_sector(guard, 0, zeros);
}

errcode_t ext4guard_commit(struct ext4guard *guard)
{
    errcode_t r = write_sector(guard, FORMATMARKER_COMMIT / FORMATMARKER_SECTOR, guard->held);
    return r ? r : clear_marker(guard);
}

void ext4guard_close(struct ext4guard *guard)
{
    if (guard->backing)
        (void)io_channel_close(guard->backing);
    guard->backing = NULL;
}
