/* SPDX-License-Identifier: MIT */
#include "host/prepare/blankdisk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "common/stamp.h"

/* The smallest disk that has room for an ext4. */
#define SMALLEST_DISK (UINT64_C(256) << 10)

/* The largest block of a filesystem: a file in which one sector was written may have this much
 * data.
 */
#define START ((size_t)64 << 10)

/* QEMU's locks on an image (block/file-posix.c): a byte for each permission that a process uses,
 * and one for each that it denies to others. */
#define QEMU_LOCKS_START 100
#define QEMU_LOCKS_COUNT 200

struct disk {
    int fd;
    bool made;
    const char *word; /* of the stamp */
};

static bool read_at(const struct disk *disk, uint64_t offset, void *bytes, size_t length)
{
    return pread(disk->fd, bytes, length, (off_t)offset) == (ssize_t)length;
}

static bool write_at(const struct disk *disk, uint64_t offset, const void *bytes, size_t length)
{
    return pwrite(disk->fd, bytes, length, (off_t)offset) == (ssize_t)length;
}

/* True if the disk's first bytes are zeros, except for a stamp. */
static bool is_blank_start(const uint8_t *bytes, size_t length)
{
    char word[STAMP_WORD + 1];
    return bytes_are_zero(bytes + STAMP_SECTOR, length - STAMP_SECTOR) &&
           (bytes_are_zero(bytes, STAMP_SECTOR) || stamp_decode(bytes, word));
}

static bool write_stamp(const struct disk *disk, uint64_t offset)
{
    uint8_t sector[STAMP_SECTOR];
    stamp_encode(disk->word, sector);
    return write_at(disk, offset, sector, sizeof sector);
}

/* --- raw --- */

/* True if the file is a hole from `offset` to its end. */
static bool is_hole(const struct disk *disk, off_t offset)
{
    return lseek(disk->fd, offset, SEEK_DATA) < 0 && errno == ENXIO;
}

static bool stamp_raw(const struct disk *disk, uint64_t size)
{
    uint8_t *bytes CLEANUP_FREE = xmalloc(START);
    if (size < SMALLEST_DISK || !is_hole(disk, START))
        return false;
    return (is_hole(disk, 0) || (read_at(disk, 0, bytes, START) && is_blank_start(bytes, START))) &&
           write_stamp(disk, 0);
}

/* --- qcow2: docs/interop/qcow2.txt of QEMU --- */

static const uint8_t qcow2_magic[4] = {'Q', 'F', 'I', 0xfb};

/* The flag of an L1 or L2 entry that is the only reference to its cluster. */
#define COPIED (UINT64_C(1) << 63)
#define OFFSET UINT64_C(0x00fffffffffffe00)

/* Enough for disks up to 32 TiB. */
#define LARGEST_L1 (UINT32_C(4) << 20)

/* The header, big-endian; in version 2 it ends with `snapshots_offset`. */
struct qcow2_header {
    uint8_t magic[4];
    uint32_t version;
    uint64_t backing_offset;
    uint32_t backing_size;
    uint32_t cluster_bits;
    uint64_t size;
    uint32_t crypt_method;
    uint32_t l1_size;
    uint64_t l1_offset;
    uint64_t refcount_table_offset;
    uint32_t refcount_table_clusters;
    uint32_t snapshots;
    uint64_t snapshots_offset;
    uint64_t incompatible;
    uint64_t compatible;
    uint64_t autoclear;
    uint32_t refcount_order;
    uint32_t header_length;
};

struct qcow2 {
    const struct disk *disk;
    uint64_t cluster; /* bytes */
    uint64_t l1_offset;
    uint32_t l1_count;
    uint64_t refcount_table;
    uint64_t *l1; /* owned, big-endian as in the file */
};

/* True for a header as `qemu-img create` writes it: no backing file, snapshots, encryption,
 * external data file or bitmaps, and the image was closed properly. */
static bool is_plain(const struct qcow2_header *h)
{
    bool first = be32toh(h->version) == 2;
    if (!first && (be32toh(h->version) != 3 || h->incompatible || h->autoclear ||
                   be32toh(h->refcount_order) != 4))
        return false;
    return !h->backing_offset && !h->crypt_method && !h->snapshots &&
           be32toh(h->cluster_bits) >= 9 && be32toh(h->cluster_bits) <= 21 && h->l1_size &&
           be32toh(h->l1_size) <= LARGEST_L1 / 8 && be64toh(h->size) >= SMALLEST_DISK;
}

static bool read_qcow2(struct qcow2 *image, const struct disk *disk)
{
    struct qcow2_header h;
    if (!read_at(disk, 0, &h, sizeof h) || !is_plain(&h))
        return false;
    *image = (struct qcow2){.disk = disk,
                            .cluster = UINT64_C(1) << be32toh(h.cluster_bits),
                            .l1_offset = be64toh(h.l1_offset),
                            .l1_count = be32toh(h.l1_size),
                            .refcount_table = be64toh(h.refcount_table_offset)};
    if (image->l1_offset % image->cluster || image->refcount_table % image->cluster)
        return false;
    image->l1 = xmalloc(image->l1_count * sizeof *image->l1);
    return read_at(disk, image->l1_offset, image->l1, image->l1_count * sizeof *image->l1);
}

/* True if no entry of the table but the first is in use. */
static bool has_one_entry_at_most(const uint64_t *table, size_t count)
{
    return bytes_are_zero(&table[1], (count - 1) * sizeof *table);
}

/* Stamps an image with one allocated cluster, if that is blank. */
static bool look_at_cluster(const struct qcow2 *image)
{
    uint64_t l1 = be64toh(image->l1[0]);
    uint64_t *bytes CLEANUP_FREE = xmalloc(image->cluster); /* of the L2 table, then of the data */
    if (!read_at(image->disk, l1 & OFFSET, bytes, image->cluster) ||
        !has_one_entry_at_most(bytes, image->cluster / sizeof *bytes))
        return false;
    uint64_t l2 = be64toh(bytes[0]);
    if ((l1 & ~OFFSET) != COPIED || (l2 & ~OFFSET) != COPIED ||
        !read_at(image->disk, l2 & OFFSET, bytes, image->cluster))
        return false;
    return is_blank_start((const uint8_t *)bytes, image->cluster) &&
           write_stamp(image->disk, l2 & OFFSET);
}

/* Finds two free clusters after all others: `*first` is the number of the first, `*counts` the file
 * offset of their reference counts. */
static bool find_room(const struct qcow2 *image, uint64_t *first, uint64_t *counts)
{
    struct stat st;
    if (fstat(image->disk->fd, &st) < 0)
        return false;
    uint64_t end = image->l1_offset + image->l1_count * sizeof *image->l1;
    if (end < (uint64_t)st.st_size)
        end = (uint64_t)st.st_size;
    *first = (end + image->cluster - 1) / image->cluster;
    uint64_t block;
    uint16_t used[2];
    if (*first + 1 >= image->cluster / sizeof used[0] ||
        !read_at(image->disk, image->refcount_table, &block, sizeof block) || !block ||
        be64toh(block) % image->cluster)
        return false;
    *counts = be64toh(block) + *first * sizeof used[0];
    return read_at(image->disk, *counts, used, sizeof used) && !used[0] && !used[1];
}

/* Allocates the disk's first cluster for the stamp. After a power loss at any instant the image is
 * as blank as before: the reference to the new clusters is written last. */
static bool stamp_first(const struct qcow2 *image)
{
    uint64_t first, counts;
    if (image->cluster < STAMP_SECTOR || !find_room(image, &first, &counts))
        return false;
    const struct disk *disk = image->disk;
    uint64_t *table CLEANUP_FREE = xcalloc(1, image->cluster);
    uint8_t *data CLEANUP_FREE = xcalloc(1, image->cluster);
    const uint16_t used[2] = {htobe16(1), htobe16(1)};
    uint64_t l1 = htobe64(first * image->cluster | COPIED);
    table[0] = htobe64((first + 1) * image->cluster | COPIED);
    stamp_encode(disk->word, data);
    return write_at(disk, counts, used, sizeof used) &&
           write_at(disk, first * image->cluster, table, image->cluster) &&
           write_at(disk, (first + 1) * image->cluster, data, image->cluster) &&
           (disk->made || fdatasync(disk->fd) == 0) &&
           write_at(disk, image->l1_offset, &l1, sizeof l1);
}

static bool stamp_qcow2(const struct disk *disk)
{
    struct qcow2 image = {0};
    bool stamped = false;
    if (read_qcow2(&image, disk) && has_one_entry_at_most(image.l1, image.l1_count))
        stamped = image.l1[0] ? look_at_cluster(&image) : stamp_first(&image);
    free(image.l1);
    return stamped;
}

/* --- both --- */

/* Keeps QEMU from opening the image until the descriptor is closed; false if one has it open. */
static bool lock_against_qemu(int fd)
{
    struct flock lock = {.l_type = F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = QEMU_LOCKS_START,
                         .l_len = QEMU_LOCKS_COUNT};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool blankdisk_stamp(const char *path, const char *format, const char *word, bool made)
{
    int fd CLEANUP_CLOSE = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !lock_against_qemu(fd))
        return false;
    const struct disk disk = {.fd = fd, .made = made, .word = word};
    uint8_t magic[sizeof qcow2_magic] = {0};
    (void)read_at(&disk, 0, magic, sizeof magic);
    bool qcow2 = memcmp(magic, qcow2_magic, sizeof magic) == 0;
    if (qcow2 && (!format || streq(format, "qcow2")))
        return stamp_qcow2(&disk);
    if (!qcow2 && (!format || streq(format, "raw")))
        return stamp_raw(&disk, (uint64_t)st.st_size);
    return false;
}
