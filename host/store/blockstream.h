/* SPDX-License-Identifier: MIT */
/* Writes that go forward through a part of a file, gathered into large ones. The part is a hole
 * before: bytes that are left out are zeros. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blockstream {
    int fd;
    uint64_t at; /* offset in the file of the bytes below */
    unsigned char *bytes;
    size_t used;
};

/* Begins at an offset of the file, which stays the caller's. */
struct blockstream blockstream_start(int fd, uint64_t offset);

/* Appends bytes. Like all that follows, returns 0 or a negative errno. */
int blockstream_write(struct blockstream *stream, const void *bytes, size_t count);

/* Goes on at an offset that is not before the current one. */
int blockstream_seek(struct blockstream *stream, uint64_t offset);

/* Appends the next `count` bytes of a file; -EIO if it has no more. A `sparse` file's holes stay
 * holes. */
int blockstream_copy(struct blockstream *stream, int from, uint64_t count, bool sparse);

/* Writes what is still in memory. */
int blockstream_flush(struct blockstream *stream);

/* struct blockstream stream CLEANUP_BLOCKSTREAM = blockstream_start(fd, offset); */
#define CLEANUP_BLOCKSTREAM CLEANUP(blockstream_free)
void blockstream_free(struct blockstream *stream);
