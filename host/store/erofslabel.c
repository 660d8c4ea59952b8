/* SPDX-License-Identifier: MIT */
#include "host/store/erofslabel.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "host/store/crc32c.h"

/* The superblock, as fs/erofs/erofs_fs.h of Linux has it; its numbers are little-endian. */
#define OFFSET        1024
#define MAGIC         0xe0f5e1e2
#define HAS_CHECKSUM  1
#define MAX_BLOCKBITS 16

struct superblock {
    uint32_t magic;
    uint32_t checksum; /* of the rest of the first block, with this field being 0 */
    uint32_t features;
    uint8_t block_bits;
    uint8_t other[51];
    char label[16];
};

/* The checksum that the superblock, which is at the start of `block`, is to have. */
static uint32_t checksum_of(unsigned char *block, size_t size)
{
    memset(block + offsetof(struct superblock, checksum), 0, sizeof(uint32_t));
    return htole32(crc32c(UINT32_MAX, block, size));
}

int erofslabel_set(const char *path, const char *label, struct error *e)
{
    unsigned char block[1 << MAX_BLOCKBITS] = {0};
    struct superblock super;
    int fd CLEANUP_CLOSE = open(path, O_RDWR | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, block, sizeof block, OFFSET);
    if (got < 0)
        return error_errno(e, errno, "%s", path);
    memcpy(&super, block, sizeof super);
    size_t size = super.block_bits <= MAX_BLOCKBITS ? (size_t)1 << super.block_bits : 0;
    if ((size_t)got < sizeof super || super.magic != htole32(MAGIC) || size <= OFFSET ||
        (size_t)got < size - OFFSET) {
        log_debug("%s gets no label: it is no erofs image", path);
        return 0;
    }
    memset(super.label, 0, sizeof super.label);
    memcpy(super.label, label, strnlen(label, sizeof super.label));
    memcpy(block, &super, sizeof super);
    if (super.features & htole32(HAS_CHECKSUM)) {
        super.checksum = checksum_of(block, size - OFFSET);
        memcpy(block, &super, sizeof super);
    }
    if (pwrite(fd, &super, sizeof super, OFFSET) != (ssize_t)sizeof super)
        return error_errno(e, errno, "%s", path);
    return 0;
}
