/* SPDX-License-Identifier: MIT */
/* The parts of erofs that run-vm writes, as fs/erofs/erofs_fs.h of Linux has them: no compression,
 * no extended attributes, blocks of 4 KiB. All numbers are little-endian. */
#pragma once

#include <stdint.h>

#define EROFS_BLOCK_BITS   12
#define EROFS_BLOCK        (UINT64_C(1) << EROFS_BLOCK_BITS)
#define EROFS_SUPER_OFFSET 1024
#define EROFS_MAGIC        0xe0f5e1e2
#define EROFS_CHECKSUM     1 /* of the features: the superblock has a checksum */

/* An inode's number is its location, in units of 32 bytes from the beginning of the image. */
#define EROFS_SLOT 32

/* Blocks have numbers of 32 bits. */
#define EROFS_MAX_BYTES (EROFS_BLOCK << 32)

struct erofs_super {
    uint32_t magic;
    uint32_t checksum; /* of the rest of the first block, with this field being 0 */
    uint32_t features;
    uint8_t block_bits;
    uint8_t slots;
    uint16_t root;
    uint64_t inodes;
    uint64_t time; /* of every compact inode */
    uint32_t time_nanoseconds;
    uint32_t blocks;
    uint32_t inode_block; /* from which inode numbers count */
    uint32_t attribute_block;
    uint8_t uuid[16];
    char label[16];
    uint32_t incompatible;
    uint8_t other[44];
};
_Static_assert(sizeof(struct erofs_super) == 128, "the superblock has 128 bytes");

/* An inode's format: whether it is extended, and where its last, partial block is. */
#define EROFS_EXTENDED 1
#define EROFS_PLAIN    (0 << 1) /* in a block of its own */
#define EROFS_INLINE   (2 << 1) /* behind the inode, in the inode's block */

/* The block of an inode that has none. */
#define EROFS_NO_BLOCK UINT32_MAX

struct erofs_compact {
    uint16_t format;
    uint16_t attributes;
    uint16_t mode;
    uint16_t links;
    uint32_t size;
    uint32_t reserved;
    uint32_t block; /* the first one; a device's number */
    uint32_t number;
    uint16_t uid;
    uint16_t gid;
    uint32_t reserved_too;
};
_Static_assert(sizeof(struct erofs_compact) == 32, "a compact inode has 32 bytes");

struct erofs_extended {
    uint16_t format;
    uint16_t attributes;
    uint16_t mode;
    uint16_t reserved;
    uint64_t size;
    uint32_t block;
    uint32_t number;
    uint32_t uid;
    uint32_t gid;
    uint64_t time;
    uint32_t time_nanoseconds;
    uint32_t links;
    uint8_t other[16];
};
_Static_assert(sizeof(struct erofs_extended) == 64, "an extended inode has 64 bytes");

/* An entry of a directory's block, which begins with all its entries; their names follow. */
struct erofs_entry {
    uint64_t inode;
    uint16_t name; /* offset in the block */
    uint8_t type;
    uint8_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_entry) == 12, "a directory entry has 12 bytes");
