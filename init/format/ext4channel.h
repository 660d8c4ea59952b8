/* SPDX-License-Identifier: MIT */
/* Common parts of the I/O managers through which libext2fs reads and writes a device. */
#pragma once

#include <stddef.h>
#include <sys/stat.h> /* ext2fs.h needs its types */

#include <ext2fs/ext2fs.h>

/* Makes a channel of `manager` with blocks of `block_size` bytes and `data` as its private data. */
io_channel ext4channel_new(io_manager manager, const char *name, int block_size, void *data);

/* Bytes of `count` blocks; a negative count is a number of bytes. */
size_t ext4channel_length(io_channel channel, int count);

/* Calls of an I/O manager. ext4channel_close() frees the channel after its last user; the others
 * call the manager's functions for block numbers of 64 bits. */
errcode_t ext4channel_close(io_channel channel);
errcode_t ext4channel_read_blk(io_channel channel, unsigned long block, int count, void *data);
errcode_t ext4channel_write_blk(io_channel channel, unsigned long block, int count,
                                const void *data);
