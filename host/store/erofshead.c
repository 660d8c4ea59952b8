/* SPDX-License-Identifier: MIT */
#include "host/store/erofshead.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "host/store/crc32c.h"
#include "host/store/erofsdirectory.h"
#include "host/store/erofsdisk.h"
#include "host/store/storenames.h"

/* Nix will not open a store without this directory, and cannot make it in one that is read-only. */
#define LINKS ".links"

/* Numbers of the first inodes, behind the superblock: an extended one takes two. */
#define ROOT        EROFSPIECE_PARENT
#define LINKS_INODE (ROOT + 2)

/* The block of the root directory. */
#define ROOT_BLOCK 1

/* As mkfs.erofs is told by nixpkgs' qemu-vm.nix: eb176051-bd15-49b7-9e6b-462e0b467019. */
static const uint8_t uuid[16] = {0xeb, 0x17, 0x60, 0x51, 0xbd, 0x15, 0x49, 0xb7,
                                 0x9e, 0x6b, 0x46, 0x2e, 0x0b, 0x46, 0x70, 0x19};

static struct erofsdirectory_entry *list_root(const struct packindex_piece *pieces, size_t count)
{
    struct erofsdirectory_entry *entries = xcalloc(count + 3, sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct erofsdirectory_entry){pieces[i].name, pieces[i].piece.root,
                                                   pieces[i].piece.type};
    entries[count] = (struct erofsdirectory_entry){".", ROOT, S_IFDIR};
    entries[count + 1] = (struct erofsdirectory_entry){"..", ROOT, S_IFDIR};
    entries[count + 2] = (struct erofsdirectory_entry){LINKS, LINKS_INODE, S_IFDIR};
    erofsdirectory_sort(entries, count + 3);
    return entries;
}

static void put_root(unsigned char *head, const struct packindex_piece *pieces, size_t count,
                     uint64_t size)
{
    uint32_t links = 3; /* its own two, and the one of .links */
    for (size_t i = 0; i < count; i++)
        links += S_ISDIR(pieces[i].piece.type);
    const struct erofs_extended root = {
        .format = htole16(EROFS_PLAIN | EROFS_EXTENDED),
        .mode = htole16(S_IFDIR | 0755),
        .size = htole64(size),
        .block = htole32(ROOT_BLOCK),
        .number = htole32(ROOT),
        .links = htole32(links),
    };
    (void)memcpy(head + ROOT * EROFS_SLOT, &root, sizeof root);
}

static void put_links(unsigned char *head)
{
    const struct erofsdirectory_entry entries[] = {{".", LINKS_INODE, S_IFDIR},
                                                   {"..", ROOT, S_IFDIR}};
    unsigned char *at = head + LINKS_INODE * EROFS_SLOT;
    uint64_t size = erofsdirectory_fill(entries, ELEMENTS(entries), at + EROFS_SLOT);
    const struct erofs_compact links = {
        .format = htole16(EROFS_INLINE),
        .mode = htole16(S_IFDIR | 0755),
        .links = htole16(2),
        .size = htole32((uint32_t)size),
        .block = htole32(EROFS_NO_BLOCK),
        .number = htole32(LINKS_INODE),
    };
    (void)memcpy(at, &links, sizeof links);
}

/* Puts the superblock, when everything else of the first block is there. */
static void put_super(unsigned char *head, const struct packindex_piece *pieces, size_t count,
                      uint64_t end)
{
    uint64_t inodes = 2;
    for (size_t i = 0; i < count; i++)
        inodes += pieces[i].piece.inodes;
    struct erofs_super super = {
        .magic = htole32(EROFS_MAGIC),
        .features = htole32(EROFS_CHECKSUM),
        .block_bits = EROFS_BLOCK_BITS,
        .root = htole16(ROOT),
        .inodes = htole64(inodes),
        .blocks = htole32((uint32_t)(end / EROFS_BLOCK)),
        .label = STOREIMAGE_LABEL,
    };
    unsigned char *at = head + EROFS_SUPER_OFFSET;
    (void)memcpy(super.uuid, uuid, sizeof uuid);
    (void)memcpy(at, &super, sizeof super);
    super.checksum = htole32(crc32c(UINT32_MAX, at, EROFS_BLOCK - EROFS_SUPER_OFFSET));
    (void)memcpy(at, &super, sizeof super);
}

unsigned char *erofshead_make(const struct packindex_piece *pieces, size_t count, uint64_t end,
                              size_t *size)
{
    struct erofsdirectory_entry *entries CLEANUP_FREE = list_root(pieces, count);
    uint64_t directory = erofsdirectory_fill(entries, count + 3, NULL);
    *size = (ROOT_BLOCK + 1) * EROFS_BLOCK + directory;
    unsigned char *head = xcalloc(1, *size);
    (void)erofsdirectory_fill(entries, count + 3, head + ROOT_BLOCK * EROFS_BLOCK);
    put_root(head, pieces, count, directory);
    put_links(head);
    put_super(head, pieces, count, end);
    return head;
}
