/* SPDX-License-Identifier: MIT */
#include "init/format/ext4channel.h"

#include "base/alloc.h"

io_channel ext4channel_new(io_manager manager, const char *name, int block_size, void *data)
{
    io_channel channel = xcalloc(1, sizeof *channel);
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = manager;
    channel->name = xstrdup(name);
    channel->block_size = block_size;
    channel->refcount = 1;
    channel->private_data = data;
    return channel;
}

size_t ext4channel_length(io_channel channel, int count)
{
    return count < 0 ? (size_t)-count : (size_t)count * (size_t)channel->block_size;
}

errcode_t ext4channel_close(io_channel channel)
{
    if (--channel->refcount > 0)
        return 0;
    free(channel->name);
    free(channel);
    return 0;
}

errcode_t ext4channel_read_blk(io_channel channel, unsigned long block, int count, void *data)
{
    return channel->manager->read_blk64(channel, block, count, data);
}

errcode_t ext4channel_write_blk(io_channel channel, unsigned long block, int count,
                                const void *data)
{
    return channel->manager->write_blk64(channel, block, count, data);
}
