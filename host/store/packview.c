/* SPDX-License-Identifier: MIT */
#include "host/store/packview.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/store/blockstream.h"
#include "host/store/erofshead.h"

/* qcow2 version 3, as QEMU's docs/interop/qcow2.rst has it; its numbers are big-endian. */
#define MAGIC         0x514649fb
#define CLUSTER_BITS  16
#define HEADER_BYTES  104
#define FORMAT_NAME   0xe2792aca /* the header extension with the backing file's format */
#define BACKING_AT    1024
#define BACKING_MAX   1023
#define REFCOUNT_BITS 4 /* log2 of their 16 bits */

/* Entries of a table that fills a cluster. */
#define PER_TABLE     (PACKINDEX_CLUSTER / sizeof(uint64_t))
#define PER_REFCOUNTS (PACKINDEX_CLUSTER / sizeof(uint16_t))

/* Flags of an entry: its cluster has one reference; the guest reads zeros, and there is none. */
#define ONE_REFERENCE (UINT64_C(1) << 63)
#define READS_ZERO    UINT64_C(1)

struct header {
    uint32_t magic;
    uint32_t version;
    uint64_t backing;
    uint32_t backing_length;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t encryption;
    uint32_t l1_entries;
    uint64_t l1;
    uint64_t refcounts;
    uint32_t refcount_clusters;
    uint32_t snapshot_count;
    uint64_t snapshots;
    uint64_t incompatible;
    uint64_t compatible;
    uint64_t autoclear;
    uint32_t refcount_bits;
    uint32_t header_bytes;
    uint32_t extension;
    uint32_t extension_length;
    char format[8];
    uint64_t last_extension;
};
_Static_assert(offsetof(struct header, extension) == HEADER_BYTES, "the header has 104 bytes");

/* The file's parts in clusters, in this order behind the header or, in a file with the pieces,
 * behind them. */
struct layout {
    uint64_t start; /* the first cluster of the parts */
    uint64_t l1;    /* how many each has */
    uint64_t l2;
    uint64_t head;
    uint64_t refcounts;       /* the table of the following, which has room for those of 16 TiB */
    uint64_t refcount_blocks; /* which count all of the file's clusters */
};

static uint64_t units(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit;
}

static uint64_t end_of(const struct layout *layout)
{
    return layout->start + layout->l1 + layout->l2 + layout->head + layout->refcounts +
           layout->refcount_blocks;
}

static struct layout lay_out(const struct packview *view, size_t head)
{
    struct layout layout = {
        .start = view->backing ? 1 : units(view->end, PACKINDEX_CLUSTER),
        .l2 = units(view->end, PACKINDEX_CLUSTER * PER_TABLE),
        .head = units(head, PACKINDEX_CLUSTER),
        .refcounts = 1,
    };
    layout.l1 = units(layout.l2, PER_TABLE);
    /* the blocks count themselves, too */
    while (layout.refcount_blocks * PER_REFCOUNTS < end_of(&layout))
        layout.refcount_blocks++;
    return layout;
}

static int write_header(const struct packview *view, const struct layout *layout,
                        struct blockstream *out)
{
    uint64_t l1 = layout->start * PACKINDEX_CLUSTER;
    uint64_t refcounts = l1 + (layout->l1 + layout->l2 + layout->head) * PACKINDEX_CLUSTER;
    struct header header = {
        .magic = htobe32(MAGIC),
        .version = htobe32(3),
        .cluster_bits = htobe32(CLUSTER_BITS),
        .size = htobe64(view->end),
        .l1_entries = htobe32((uint32_t)layout->l2),
        .l1 = htobe64(l1),
        .refcounts = htobe64(refcounts),
        .refcount_clusters = htobe32((uint32_t)layout->refcounts),
        .refcount_bits = htobe32(REFCOUNT_BITS),
        .header_bytes = htobe32(HEADER_BYTES),
    };
    if (!view->backing)
        return blockstream_write(out, &header, sizeof header);
    header.backing = htobe64(BACKING_AT);
    header.backing_length = htobe32((uint32_t)strlen(view->backing));
    header.extension = htobe32(FORMAT_NAME);
    header.extension_length = htobe32(3);
    (void)memcpy(header.format, "raw", 3);
    int r = blockstream_write(out, &header, sizeof header);
    if (r == 0)
        r = blockstream_seek(out, BACKING_AT);
    return r < 0 ? r : blockstream_write(out, view->backing, strlen(view->backing));
}

/* Writes a table of `count` entries for consecutive clusters from `cluster` on. */
static int write_table(struct blockstream *out, uint64_t cluster, uint64_t count, uint64_t flags)
{
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < count; i++) {
        uint64_t entry = htobe64((cluster + i) * PACKINDEX_CLUSTER | flags);
        r = blockstream_write(out, &entry, sizeof entry);
    }
    return r;
}

/* Marks the clusters of the pieces. Returns one byte for each; the caller frees. */
static unsigned char *mark(const struct packview *view)
{
    unsigned char *marks = xcalloc(view->end / PACKINDEX_CLUSTER + 1, 1);
    for (size_t i = 0; i < view->count; i++) {
        const struct erofspiece *piece = &view->pieces[i].piece;
        (void)memset(marks + piece->base / PACKINDEX_CLUSTER, 1,
                     units(piece->bytes, PACKINDEX_CLUSTER));
    }
    return marks;
}

/* Writes the second tables, which say where each cluster of the image is. */
static int write_l2(const struct packview *view, const struct layout *layout,
                    const unsigned char *marks, struct blockstream *out)
{
    uint64_t head = layout->start + layout->l1 + layout->l2;
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < view->end / PACKINDEX_CLUSTER; i++) {
        uint64_t entry = READS_ZERO;
        if (i < layout->head)
            entry = (head + i) * PACKINDEX_CLUSTER | ONE_REFERENCE;
        else if (marks[i])
            entry = view->backing ? 0 : i * PACKINDEX_CLUSTER | ONE_REFERENCE;
        entry = htobe64(entry);
        r = blockstream_write(out, &entry, sizeof entry);
    }
    return r;
}

/* Writes how often each cluster of the file is used: once, or not at all. */
static int write_refcounts(const struct layout *layout, const unsigned char *marks,
                           struct blockstream *out)
{
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < end_of(layout); i++) {
        uint16_t count = htobe16(i == 0 || i >= layout->start || marks[i]);
        r = blockstream_write(out, &count, sizeof count);
    }
    return r;
}

static int write_parts(const struct packview *view, const struct layout *layout,
                       const unsigned char *head, size_t head_size, struct blockstream *out)
{
    unsigned char *marks CLEANUP_FREE = mark(view);
    uint64_t at = layout->start;
    int r = write_header(view, layout, out);
    if (r == 0)
        r = blockstream_seek(out, at * PACKINDEX_CLUSTER);
    if (r == 0)
        r = write_table(out, at + layout->l1, layout->l2, ONE_REFERENCE);
    if (r == 0)
        r = blockstream_seek(out, (at += layout->l1) * PACKINDEX_CLUSTER);
    if (r == 0)
        r = write_l2(view, layout, marks, out);
    if (r == 0)
        r = blockstream_seek(out, (at += layout->l2) * PACKINDEX_CLUSTER);
    if (r == 0)
        r = blockstream_write(out, head, head_size);
    if (r == 0)
        r = blockstream_seek(out, (at += layout->head) * PACKINDEX_CLUSTER);
    if (r == 0)
        r = write_table(out, at + layout->refcounts, layout->refcount_blocks, 0);
    if (r == 0)
        r = blockstream_seek(out, (at + layout->refcounts) * PACKINDEX_CLUSTER);
    if (r == 0)
        r = write_refcounts(layout, marks, out);
    return r < 0 ? r : blockstream_seek(out, end_of(layout) * PACKINDEX_CLUSTER);
}

int packview_write(const struct packview *view, int fd, struct error *e)
{
    size_t head_size = 0;
    unsigned char *head CLEANUP_FREE =
        erofshead_make(view->pieces, view->count, view->end, &head_size);
    if (head_size > PACKINDEX_HEAD)
        return error_set(e, -E2BIG, "there are more paths than an image of the pack can have");
    if (view->backing && strlen(view->backing) > BACKING_MAX)
        return error_set(e, -ENAMETOOLONG, "%s: longer than a backing file's name can be",
                         view->backing);
    const struct layout layout = lay_out(view, head_size);
    struct blockstream out CLEANUP_BLOCKSTREAM = blockstream_start(fd, 0);
    int r = write_parts(view, &layout, head, head_size, &out);
    if (r == 0)
        r = blockstream_flush(&out);
    return r < 0 ? error_errno(e, -r, "the image's tables") : 0;
}
