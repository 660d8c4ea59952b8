/* SPDX-License-Identifier: MIT */
#include "host/store/blockstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/system/signals.h"

/* Bytes of one write. */
#define AT_ONCE ((size_t)1 << 20)

/* Bytes from which on the kernel copies, in half the time that two copies through memory take. */
#define IN_KERNEL ((uint64_t)8 << 10)

/* Bytes that the kernel copies between two checks for a signal. */
#define COPY_AT_ONCE ((uint64_t)64 << 20)

struct blockstream blockstream_start(int fd, uint64_t offset)
{
    return (struct blockstream){.fd = fd, .at = offset, .bytes = xmalloc(AT_ONCE)};
}

void blockstream_free(struct blockstream *stream)
{
    free(stream->bytes);
    stream->bytes = NULL;
}

int blockstream_flush(struct blockstream *stream)
{
    for (size_t done = 0; done < stream->used;) {
        ssize_t written = pwrite(stream->fd, stream->bytes + done, stream->used - done,
                                 (off_t)(stream->at + done));
        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            done += (size_t)written;
    }
    stream->at += stream->used;
    stream->used = 0;
    return 0;
}

int blockstream_write(struct blockstream *stream, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;
    while (count > 0) {
        size_t part = AT_ONCE - stream->used < count ? AT_ONCE - stream->used : count;
        (void)memcpy(stream->bytes + stream->used, from, part);
        stream->used += part;
        from += part;
        count -= part;
        int r = stream->used == AT_ONCE ? blockstream_flush(stream) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int blockstream_seek(struct blockstream *stream, uint64_t offset)
{
    uint64_t gap = offset - stream->at - stream->used;
    int r = gap > AT_ONCE - stream->used ? blockstream_flush(stream) : 0;
    if (r < 0)
        return r;
    if (gap > AT_ONCE) {
        stream->at = offset;
        return 0;
    }
    (void)memset(stream->bytes + stream->used, 0, gap);
    stream->used += gap;
    return 0;
}

static int copy_through_memory(struct blockstream *stream, int from, uint64_t count)
{
    while (count > 0) {
        size_t room = AT_ONCE - stream->used;
        ssize_t got = read(from, stream->bytes + stream->used, count < room ? count : room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO; /* the file is shorter than it was */
        stream->used += (size_t)got;
        count -= (uint64_t)got;
        if (stream->used < AT_ONCE)
            continue;
        int r = blockstream_flush(stream);
        if (r == 0)
            r = signals_check(NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Lets the kernel copy, which on some filesystems shares the blocks. Returns the bytes that are
 * left, for a kernel or filesystem that cannot, or a negative errno. */
static int64_t copy_in_kernel(struct blockstream *stream, int from, uint64_t count)
{
    int r = blockstream_flush(stream);
    while (r == 0 && count > 0) {
        off_t to = (off_t)stream->at;
        ssize_t copied = copy_file_range(from, NULL, stream->fd, &to,
                                         count < COPY_AT_ONCE ? count : COPY_AT_ONCE, 0);
        if (copied <= 0)
            break; /* reading says what is wrong, if anything is */
        stream->at += (uint64_t)copied;
        count -= (uint64_t)copied;
        r = signals_check(NULL);
    }
    return r < 0 ? r : (int64_t)count;
}

static int copy_data(struct blockstream *stream, int from, uint64_t count)
{
    int64_t left = (int64_t)count;
    if (count >= IN_KERNEL)
        left = copy_in_kernel(stream, from, count);
    return left < 0 ? (int)left : copy_through_memory(stream, from, (uint64_t)left);
}

int blockstream_copy(struct blockstream *stream, int from, uint64_t count, bool sparse)
{
    uint64_t begin = stream->at + stream->used;
    off_t start = sparse ? lseek(from, 0, SEEK_CUR) : -1;
    off_t end = start + (off_t)count;
    off_t data = start < 0 ? -1 : lseek(from, start, SEEK_DATA);
    if (start < 0 || (data < 0 && errno != ENXIO))
        return copy_data(stream, from, count);
    while (data >= 0 && data < end) {
        off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > end)
            hole = end;
        int r = blockstream_seek(stream, begin + (uint64_t)(data - start));
        if (r == 0 && lseek(from, data, SEEK_SET) < 0)
            r = -errno;
        if (r == 0)
            r = copy_data(stream, from, (uint64_t)(hole - data));
        if (r < 0)
            return r;
        data = lseek(from, hole, SEEK_DATA);
    }
    int r = blockstream_seek(stream, begin + count);
    return r == 0 && lseek(from, end, SEEK_SET) < 0 ? -errno : r;
}
