/* SPDX-License-Identifier: MIT */
#include "host/store/erofspiece.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "host/store/blockstream.h"
#include "host/store/erofsdirectory.h"
#include "host/store/erofsdisk.h"
#include "host/store/erofsnode.h"
#include "host/system/signals.h"

/* Inodes are written in the order of the tree, and so are the blocks behind them: the two streams
 * of a piece only go forward. */
struct writing {
    struct blockstream inodes;
    struct blockstream blocks;
    struct error *e;
};

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static bool is_extended(const struct erofsnode *node)
{
    return node->size > UINT32_MAX || node->links > UINT16_MAX;
}

static size_t inode_size(const struct erofsnode *node)
{
    return is_extended(node) ? sizeof(struct erofs_extended) : sizeof(struct erofs_compact);
}

/* The bytes of the content that stand behind the inode. */
static uint64_t tail_size(const struct erofsnode *node)
{
    uint64_t tail = node->size % EROFS_BLOCK;
    return inode_size(node) + tail <= EROFS_BLOCK ? tail : 0;
}

/* Returns the entries of a directory, with its own and its parent's inode; the caller frees. */
static struct erofsdirectory_entry *list_entries(const struct erofsnode *node, uint64_t parent)
{
    struct erofsdirectory_entry *entries = xcalloc(node->count + 2, sizeof *entries);
    for (size_t i = 0; i < node->count; i++) {
        const struct erofsnode *child = node->children[i];
        entries[i] = (struct erofsdirectory_entry){
            child->name, child->same ? child->same->inode : child->inode, child->mode};
    }
    entries[node->count] = (struct erofsdirectory_entry){".", node->inode, S_IFDIR};
    entries[node->count + 1] = (struct erofsdirectory_entry){"..", parent, S_IFDIR};
    erofsdirectory_sort(entries, node->count + 2);
    return entries;
}

/* Chooses the locations of the inodes, from `at` on. An inode and what stands behind it are in one
 * block. Returns the end. */
static uint64_t place_inodes(struct erofspiece *piece, struct erofsnode *node, uint64_t at)
{
    if (node->same)
        return at;
    if (S_ISDIR(node->mode)) {
        struct erofsdirectory_entry *entries CLEANUP_FREE = list_entries(node, 0);
        node->size = erofsdirectory_fill(entries, node->count + 2, NULL);
    }
    uint64_t need = inode_size(node) + tail_size(node);
    if (at % EROFS_BLOCK + need > EROFS_BLOCK)
        at = round_up(at, EROFS_BLOCK);
    node->inode = at / EROFS_SLOT;
    piece->inodes++;
    at = round_up(at + need, EROFS_SLOT);
    for (size_t i = 0; i < node->count; i++)
        at = place_inodes(piece, node->children[i], at);
    return at;
}

/* Chooses the locations of the blocks, from number `block` on. Returns the end. */
static uint64_t place_blocks(struct erofsnode *node, uint64_t block)
{
    if (node->same)
        return block;
    node->block = block;
    block += round_up(node->size - tail_size(node), EROFS_BLOCK) / EROFS_BLOCK;
    for (size_t i = 0; i < node->count; i++)
        block = place_blocks(node->children[i], block);
    return block;
}

/* Returns the inode's field for its first block. */
static uint32_t first_block(const struct erofsnode *node)
{
    if (S_ISCHR(node->mode) || S_ISBLK(node->mode))
        return htole32((uint32_t)node->device);
    return htole32(node->size > tail_size(node) ? (uint32_t)node->block : EROFS_NO_BLOCK);
}

static int write_inode(struct writing *writing, const struct erofsnode *node)
{
    uint16_t format = tail_size(node) ? EROFS_INLINE : EROFS_PLAIN;
    const struct erofs_compact compact = {
        .format = htole16(format),
        .mode = htole16((uint16_t)node->mode),
        .links = htole16((uint16_t)node->links),
        .size = htole32((uint32_t)node->size),
        .block = first_block(node),
        .number = htole32((uint32_t)node->inode),
    };
    const struct erofs_extended extended = {
        .format = htole16(format | EROFS_EXTENDED),
        .mode = htole16((uint16_t)node->mode),
        .size = htole64(node->size),
        .block = first_block(node),
        .number = htole32((uint32_t)node->inode),
        .links = htole32((uint32_t)node->links),
    };
    int r = blockstream_seek(&writing->inodes, node->inode * EROFS_SLOT);
    if (r < 0)
        return r;
    return is_extended(node) ? blockstream_write(&writing->inodes, &extended, sizeof extended)
                             : blockstream_write(&writing->inodes, &compact, sizeof compact);
}

/* Writes content that is in memory. */
static int write_content(struct writing *writing, const struct erofsnode *node, const void *content)
{
    const unsigned char *bytes = content;
    uint64_t tail = tail_size(node);
    int r = blockstream_write(&writing->blocks, bytes, node->size - tail);
    return r < 0 ? r : blockstream_write(&writing->inodes, bytes + node->size - tail, tail);
}

static int write_file(struct writing *writing, int directory, const struct erofsnode *node)
{
    /* a FIFO in the file's place must not block */
    int fd CLEANUP_CLOSE =
        openat(directory, node->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    uint64_t tail = tail_size(node);
    int r = blockstream_copy(&writing->blocks, fd, node->size - tail, node->sparse);
    return r < 0 ? r : blockstream_copy(&writing->inodes, fd, tail, false);
}

static int write_node(struct writing *writing, int directory, const struct erofsnode *node,
                      uint64_t parent);

static int write_directory(struct writing *writing, int directory, const struct erofsnode *node,
                           uint64_t parent)
{
    struct erofsdirectory_entry *entries CLEANUP_FREE = list_entries(node, parent);
    unsigned char *content CLEANUP_FREE = xcalloc(1, node->size);
    (void)erofsdirectory_fill(entries, node->count + 2, content);
    int r = write_content(writing, node, content);
    int fd CLEANUP_CLOSE =
        openat(directory, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(writing->e, errno, "%s", node->name);
    for (size_t i = 0; r == 0 && i < node->count; i++)
        r = write_node(writing, fd, node->children[i], node->inode);
    return r;
}

static int write_node(struct writing *writing, int directory, const struct erofsnode *node,
                      uint64_t parent)
{
    if (node->same)
        return 0;
    int r = write_inode(writing, node);
    if (r == 0 && node->size > tail_size(node))
        r = blockstream_seek(&writing->blocks, node->block * EROFS_BLOCK);
    if (r == 0 && S_ISREG(node->mode) && node->size > 0)
        r = write_file(writing, directory, node);
    else if (r == 0 && S_ISLNK(node->mode))
        r = write_content(writing, node, node->target);
    else if (r == 0 && S_ISDIR(node->mode))
        r = write_directory(writing, directory, node, parent);
    if (r == -ECANCELED)
        return signals_check(writing->e);
    if (r < 0 && writing->e && !writing->e->message)
        (void)error_errno(writing->e, -r, "%s", node->name);
    return r;
}

static int write_tree(struct erofspiece *piece, int file, int directory,
                      const struct erofsnode *tree, uint64_t blocks, struct error *e)
{
    struct writing writing = {.inodes = blockstream_start(file, piece->base),
                              .blocks = blockstream_start(file, blocks),
                              .e = e};
    int r = write_node(&writing, directory, tree, EROFSPIECE_PARENT);
    struct blockstream *const streams[] = {&writing.inodes, &writing.blocks};
    for (size_t i = 0; i < ELEMENTS(streams); i++) {
        int flushed = r == 0 ? blockstream_flush(streams[i]) : 0;
        if (flushed < 0)
            r = error_errno(e, -flushed, "%s", tree->name);
        blockstream_free(streams[i]);
    }
    return r;
}

int erofspiece_write(struct erofspiece *piece, int file, int directory, const char *name,
                     struct error *e)
{
    struct erofsnode *tree = NULL;
    int r = erofsnode_read(&tree, directory, name, e);
    if (r < 0)
        return r;
    piece->inodes = 0;
    uint64_t blocks = round_up(place_inodes(piece, tree, piece->base), EROFS_BLOCK);
    uint64_t end = place_blocks(tree, blocks / EROFS_BLOCK) * EROFS_BLOCK;
    piece->bytes = end - piece->base;
    piece->root = tree->inode;
    piece->type = tree->mode & S_IFMT;
    if (end > EROFS_MAX_BYTES)
        r = error_set(e, -EFBIG, "%s: an erofs image has at most 16 TiB", name);
    else
        r = write_tree(piece, file, directory, tree, blocks, e);
    erofsnode_free(tree);
    return r;
}
