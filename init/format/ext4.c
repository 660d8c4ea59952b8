/* SPDX-License-Identifier: MIT */
#include "init/format/ext4.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <et/com_err.h>
#include <ext2fs/ext2fs.h>

#include "base/alloc.h"
#include "base/units.h"
#include "init/format/ext4guard.h"

#define KIB ((uint64_t)1024)
#define TIB (1024 * 1024 * MIB)

/* mke2fs leaves out an incomplete last page, so that the kernel can map all of the filesystem. */
#define PAGE (4 * KIB)

/* The usage types of mke2fs.conf, for devices below a size. */
static const struct usage {
    uint64_t below;
    unsigned block_size;
    unsigned inode_ratio; /* bytes of the device for each inode */
} usages[] = {
    {3 * MIB, 1024, 8192},     /* floppy */
    {512 * MIB, 1024, 4096},   /* small */
    {4 * TIB, 4096, 16384},    /* default */
    {16 * TIB, 4096, 32768},   /* big */
    {UINT64_MAX, 4096, 65536}, /* huge */
};

/* Sets the message of an error code of libext2fs, which may be an errno; returns a negative errno.
 */
static int fail(struct error *e, errcode_t code, const char *name, const char *what)
{
    initialize_ext2_error_table();
    int number = code > 0 && code < 4096            ? (int)code
                 : code == EXT2_ET_TOOSMALL         ? ENOSPC
                 : code == EXT2_ET_NO_MEMORY        ? ENOMEM
                 : code == EXT2_ET_INVALID_ARGUMENT ? EINVAL
                                                    : EIO;
    return error_set(e, -number, "%s: cannot make an ext4: %s: %s", name, what,
                     error_message(code));
}

static unsigned log2_of(unsigned value)
{
    return 31 - (unsigned)__builtin_clz(value);
}

static void set_features(struct ext2_super_block *s)
{
    s->s_feature_compat = EXT3_FEATURE_COMPAT_HAS_JOURNAL | EXT2_FEATURE_COMPAT_EXT_ATTR |
                          EXT2_FEATURE_COMPAT_RESIZE_INODE | EXT2_FEATURE_COMPAT_DIR_INDEX;
    s->s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                            EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
    s->s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER |
                             EXT2_FEATURE_RO_COMPAT_LARGE_FILE | EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
                             EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |
                             EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
}

/* Sets the RAID geometry in blocks, if the device reports more than a block. */
static void set_stripes(struct ext2_super_block *s, const struct ext4_format *f, unsigned block)
{
    unsigned minimum = f->minimum_io ? f->minimum_io : f->physical > block ? f->physical : 0;
    unsigned optimal = f->optimal_io ? f->optimal_io : minimum;
    if (minimum > block)
        s->s_raid_stride = (__u16)(minimum / block);
    if (optimal > block)
        s->s_raid_stripe_width = optimal / block;
}

/* Fills in the superblock for ext2fs_initialize() with mke2fs's choices for a device. */
static void choose(const struct ext4_format *f, struct ext2_super_block *s)
{
    uint64_t size = f->size & ~(PAGE - 1);
    const struct usage *usage = usages;
    while (size >= usage->below)
        usage++;
    unsigned block = usage->block_size < f->sector ? f->sector : usage->block_size;
    unsigned ratio = usage->inode_ratio < block ? block : usage->inode_ratio;
    uint64_t blocks = size / block;
    uint64_t inodes = blocks * block / ratio;

    *s = (struct ext2_super_block){
        .s_rev_level = EXT2_DYNAMIC_REV,
        .s_log_block_size = log2_of(block) - EXT2_MIN_BLOCK_LOG_SIZE,
        .s_log_cluster_size = log2_of(block) - EXT2_MIN_BLOCK_LOG_SIZE,
        .s_inode_size = 256,
        .s_desc_size = EXT2_MIN_DESC_SIZE_64BIT,
        .s_log_groups_per_flex = 4,
        .s_default_mount_opts = EXT2_DEFM_ACL | EXT2_DEFM_XATTR_USER,
        .s_inodes_count = inodes > UINT32_MAX ? UINT32_MAX : (__u32)inodes,
    };
    set_features(s);
    if (blocks > UINT32_MAX) /* the resize inode's block numbers have 32 bits */
        ext2fs_clear_feature_resize_inode(s);
    set_stripes(s, f, block);
    ext2fs_blocks_count_set(s, blocks);
    ext2fs_r_blocks_count_set(s, blocks / 20); /* 5 % */
}

/* Fills in the fields that mke2fs sets after ext2fs_initialize(). */
static void identify(ext2_filsys fs, const struct ext4_format *f)
{
    struct ext2_super_block *s = fs->super;
    fs->now = f->time;
    s->s_mkfs_time = s->s_lastcheck = f->time;
    s->s_kbytes_written = 1; /* makes libext2fs count */
    memcpy(s->s_uuid, f->uuid, sizeof s->s_uuid);
    ext2fs_init_csum_seed(fs);
    s->s_def_hash_version = EXT2_HASH_HALF_MD4;
    memcpy(s->s_hash_seed, f->hash_seed, sizeof s->s_hash_seed);
    s->s_max_mnt_count = -1;
    s->s_checksum_type = EXT2_CRC32C_CHKSUM;
    if (f->label) /* padded with zeros, but not NUL-terminated */
        memcpy(s->s_volume_name, f->label, strnlen(f->label, sizeof s->s_volume_name));
    fs->stride = s->s_raid_stride;
}

/* A format in progress. */
struct work {
    ext2_filsys fs;
    const struct ext4_format *format;
    struct ext2fs_journal_params journal; /* no blocks: no journal */
    blk64_t overhead;
};

static errcode_t zero_sectors(ext2_filsys fs, unsigned sector, int count)
{
    static const uint8_t zeros[6 * 512];
    errcode_t r = io_channel_set_blksize(fs->io, 512);
    if (!r)
        r = io_channel_write_blk64(fs->io, sector, -512 * count, zeros);
    errcode_t back = io_channel_set_blksize(fs->io, (int)fs->blocksize);
    return r ? r : back;
}

static errcode_t zero_superblock(struct work *w)
{
    return zero_sectors(w->fs, 2, 6);
}

static errcode_t zero_boot_sectors(struct work *w)
{
    return zero_sectors(w->fs, 0, 2);
}

static errcode_t allocate_tables(struct work *w)
{
    errcode_t r = ext2fs_allocate_tables(w->fs);
    if (r)
        return r;
    r = ext2fs_convert_subcluster_bitmap(w->fs, &w->fs->block_map);
    if (r)
        return r;
    const struct ext2_super_block *s = w->fs->super;
    return ext2fs_count_used_clusters(w->fs, s->s_first_data_block,
                                      ext2fs_blocks_count(w->fs->super) - 1, &w->overhead);
}

/* Zeros the end of the device, where other formats have their superblocks. */
static errcode_t zero_end(struct work *w)
{
    blk64_t unit = 64 * KIB / w->fs->blocksize;
    blk64_t blocks = ext2fs_blocks_count(w->fs->super);
    blk64_t start = blocks & ~(unit - 1);
    if (start > unit)
        start -= unit;
    return start ? ext2fs_zero_blocks2(w->fs, start, (int)(blocks - start), NULL, NULL) : 0;
}

/* Zeros the used part of the inode tables; the kernel zeros the rest after mounting
 * (lazy_itable_init, mke2fs's default too). */
static errcode_t zero_inode_tables(struct work *w)
{
    ext2_filsys fs = w->fs;
    for (dgrp_t group = 0; group < fs->group_desc_count; group++) {
        unsigned used = fs->super->s_inodes_per_group - ext2fs_bg_itable_unused(fs, group);
        unsigned bytes = used * EXT2_INODE_SIZE(fs->super);
        int blocks = (int)((bytes + fs->blocksize - 1) / fs->blocksize);
        errcode_t r =
            ext2fs_zero_blocks2(fs, ext2fs_inode_table_loc(fs, group), blocks, NULL, NULL);
        if (r)
            return r;
    }
    return 0;
}

/* Writes the reserved inodes, which must have checksums even while they are empty. */
static errcode_t write_reserved_inodes(struct work *w)
{
    int size = EXT2_INODE_SIZE(w->fs->super);
    void *inode CLEANUP_FREE = xcalloc(1, (size_t)size);
    errcode_t r = 0;
    for (ext2_ino_t i = 1; !r && i < EXT2_FIRST_INODE(w->fs->super); i++)
        r = ext2fs_write_inode_full(w->fs, i, inode, size);
    return r;
}

static errcode_t make_root(struct work *w)
{
    return ext2fs_mkdir(w->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, NULL);
}

/* Makes lost+found with room for 16 KiB of names, so that e2fsck need not allocate blocks; at most
 * as many blocks as need no indirect one. */
static errcode_t make_lost_found(struct work *w)
{
    static const char name[] = "lost+found";
    ext2_filsys fs = w->fs;
    ext2_ino_t found;
    fs->umask = 077;
    errcode_t r = ext2fs_mkdir(fs, EXT2_ROOT_INO, 0, name);
    if (!r)
        r = ext2fs_lookup(fs, EXT2_ROOT_INO, name, sizeof name - 1, NULL, &found);
    unsigned wanted = (unsigned)(16 * KIB) / fs->blocksize;
    if (wanted > EXT2_NDIR_BLOCKS)
        wanted = EXT2_NDIR_BLOCKS;
    for (unsigned blocks = 1; !r && blocks < wanted; blocks++)
        r = ext2fs_expand_dir(fs, found);
    return r;
}

static errcode_t reserve_inodes(struct work *w)
{
    ext2_filsys fs = w->fs;
    for (ext2_ino_t i = EXT2_ROOT_INO + 1; i < EXT2_FIRST_INODE(fs->super); i++)
        ext2fs_inode_alloc_stats2(fs, i, +1, 0);
    ext2fs_mark_ib_dirty(fs);
    ext2fs_mark_inode_bitmap2(fs->inode_map, EXT2_BAD_INO);
    ext2fs_inode_alloc_stats2(fs, EXT2_BAD_INO, +1, 0);
    errcode_t r = ext2fs_update_bb_inode(fs, NULL);
    if (!r && ext2fs_has_feature_resize_inode(fs->super))
        r = ext2fs_create_resize_inode(fs);
    return r;
}

/* Makes the journal, unless the filesystem is too small for one, as mke2fs does. */
static errcode_t make_journal(struct work *w)
{
    struct ext2_super_block *s = w->fs->super;
    w->overhead += w->journal.num_journal_blocks + s->s_first_data_block;
    s->s_overhead_clusters = (__u32)w->overhead;
    if (w->journal.num_journal_blocks)
        return ext2fs_add_journal_inode3(w->fs, &w->journal, ~0ULL, EXT2_MKJOURNAL_NO_MNT_CHECK);
    ext2fs_clear_feature_journal(s);
    return 0;
}

/* In mke2fs's order, which determines the locations on the disk. */
static const struct step {
    const char *what;
    errcode_t (*run)(struct work *w);
} steps[] = {
    {"the room for its superblock", zero_superblock},
    {"its tables", allocate_tables},
    {"its boot sectors", zero_boot_sectors},
    {"its end", zero_end},
    {"its inode tables", zero_inode_tables},
    {"its reserved inodes", write_reserved_inodes},
    {"its root directory", make_root},
    {"its lost+found", make_lost_found},
    {"its inode accounts", reserve_inodes},
    {"its journal", make_journal},
};

/* Writes everything but sector 2. */
static int write_filesystem(struct ext4guard *guard, const char *name, const struct ext4_format *f,
                            struct error *e)
{
    struct ext2_super_block start;
    struct work w = {.format = f};
    choose(f, &start);
    errcode_t r = ext2fs_initialize(name, EXT2_FLAG_EXCLUSIVE | EXT2_FLAG_64BITS, &start,
                                    &guard->manager, &w.fs);
    if (r)
        return fail(e, r, name, "its layout");
    if (ext2fs_get_journal_params(&w.journal, w.fs))
        w.journal = (struct ext2fs_journal_params){0};
    identify(w.fs, f);

    const char *what = NULL;
    for (size_t i = 0; !r && i < ELEMENTS(steps); i++) {
        what = steps[i].what;
        r = steps[i].run(&w);
    }
    if (!r) {
        what = "its accounts";
        r = ext2fs_close2(w.fs, EXT2_FLAG_FLUSH_NO_SYNC);
    }
    (void)ext2fs_zero_blocks2(NULL, 0, 0, NULL, NULL); /* frees its buffer */
    if (!r)
        return 0;
    ext2fs_free(w.fs);
    return fail(e, r, name, what);
}

static int check(const char *name, const struct ext4_format *f, struct error *e)
{
    if (f->label && strlen(f->label) > EXT2_LABEL_LEN)
        return error_set(e, -EINVAL,
                         "%s: the label \"%s\" has more than the %d bytes that ext4 has room for",
                         name, f->label, EXT2_LABEL_LEN);
    if (f->sector & (f->sector - 1) || f->sector > PAGE)
        return error_set(e, -EINVAL, "%s: cannot make an ext4 on sectors of %u bytes", name,
                         f->sector);
    if (f->size < EXT4_MINIMUM_SIZE)
        return error_set(e, -ENOSPC, "%s: %llu bytes are too few for an ext4", name,
                         (unsigned long long)f->size);
    return 0;
}

static struct formatmarker marker_of(const struct ext4_format *f)
{
    struct formatmarker m = {
        .size = f->size,
        .time = f->time,
        .sector = f->sector,
        .physical = f->physical,
        .minimum_io = f->minimum_io,
        .optimal_io = f->optimal_io,
    };
    memcpy(m.uuid, f->uuid, sizeof m.uuid);
    memcpy(m.hash_seed, f->hash_seed, sizeof m.hash_seed);
    if (f->label)
        memcpy(m.label, f->label, strnlen(f->label, sizeof m.label - 1));
    return m;
}

void ext4_resume(const struct formatmarker *m, struct ext4_format *f)
{
    *f = (struct ext4_format){
        .size = m->size,
        .time = m->time,
        .sector = m->sector,
        .physical = m->physical,
        .minimum_io = m->minimum_io,
        .optimal_io = m->optimal_io,
        .label = *m->label ? m->label : NULL,
    };
    memcpy(f->uuid, m->uuid, sizeof f->uuid);
    memcpy(f->hash_seed, m->hash_seed, sizeof f->hash_seed);
}

int ext4_make_through(io_manager backing, const char *backing_name, const char *name,
                      const struct ext4_format *f, struct error *e)
{
    int r = check(name, f, e);
    if (r < 0)
        return r;
    struct formatmarker marker = marker_of(f);
    struct ext4guard guard;
    errcode_t code = ext4guard_begin(&guard, backing, backing_name, &marker);
    if (code) {
        r = fail(e, code, name, "the marker");
    } else {
        r = write_filesystem(&guard, name, f, e);
        if (!r && (code = io_channel_flush(guard.backing)))
            r = fail(e, code, name, "writing it");
        if (!r && (code = ext4guard_commit(&guard)))
            r = fail(e, code, name, "its superblock");
    }
    ext4guard_close(&guard);
    return r;
}

int ext4_make(int fd, const char *name, const struct ext4_format *f, struct error *e)
{
    /* the channel closes its descriptor, and has the number as its name */
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return error_errno(e, errno, "%s", name);
    char number[12];
    (void)snprintf(number, sizeof number, "%d", own);
    return ext4_make_through(unixfd_io_manager, number, name, f, e);
}

int ext4_finish(int fd, const char *name, struct error *e)
{
    static const uint8_t zeros[FORMATMARKER_SECTOR];
    if (pwrite(fd, zeros, sizeof zeros, 0) != (ssize_t)sizeof zeros || fsync(fd) < 0)
        return error_errno(e, errno, "%s: the marker of its format cannot be cleared", name);
    return 0;
}

/* Does not wait: early in a boot the kernel's generator may not be initialized yet, but its numbers
 * are good enough for a UUID. */
static int random_bytes(uint8_t *bytes, size_t count)
{
    if (getrandom(bytes, count, GRND_NONBLOCK) == (ssize_t)count)
        return 0;
    return getrandom(bytes, count, GRND_INSECURE) == (ssize_t)count ? 0 : -EIO;
}

static int make_identity(struct ext4_format *f)
{
    if (random_bytes(f->uuid, sizeof f->uuid) < 0 ||
        random_bytes(f->hash_seed, sizeof f->hash_seed) < 0)
        return -EIO;
    uint8_t *uuids[] = {f->uuid, f->hash_seed};
    for (size_t i = 0; i < ELEMENTS(uuids); i++) { /* RFC 4122, version 4 */
        uuids[i][6] = (uint8_t)((uuids[i][6] & 0x0f) | 0x40);
        uuids[i][8] = (uint8_t)((uuids[i][8] & 0x3f) | 0x80);
    }
    f->time = (uint32_t)time(NULL);
    return 0;
}

static int measure_block_device(int fd, struct ext4_format *f)
{
    int sector = 0;
    if (ioctl(fd, BLKGETSIZE64, &f->size) < 0 || ioctl(fd, BLKSSZGET, &sector) < 0)
        return -errno;
    f->sector = (unsigned)sector;
    /* optional hints of the device */
    (void)ioctl(fd, BLKPBSZGET, &f->physical);
    (void)ioctl(fd, BLKIOMIN, &f->minimum_io);
    (void)ioctl(fd, BLKIOOPT, &f->optimal_io);
    return 0;
}

int ext4_describe(int fd, const char *name, struct ext4_format *f, struct error *e)
{
    struct stat st;
    *f = (struct ext4_format){.sector = 512};
    if (fstat(fd, &st) < 0)
        return error_errno(e, errno, "%s", name);
    f->size = (uint64_t)st.st_size;
    int r = S_ISBLK(st.st_mode) ? measure_block_device(fd, f) : 0;
    if (r < 0)
        return error_errno(e, -r, "%s: its size cannot be read", name);
    if (make_identity(f) < 0)
        return error_set(e, -EIO, "%s: the kernel gives no random numbers for a UUID", name);
    return 0;
}
