/* SPDX-License-Identifier: MIT */
/* A format cut off by a power failure, at every instant, on a disk that reorders and loses whatever
 * was not synced. RUN_VM_LONG=1 tries many more orders. */
#include "init/format/blank.h"
#include "init/format/ext4.h"
#include "init/format/formatmarker.h"
#include "init/format/makefs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ext2fs/ext2fs.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "init/format/scan.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define MIB    ((uint64_t)1024 * 1024)
#define SECTOR 512

/* What libext2fs asked of the disk, in its order. */
struct request {
    uint64_t offset;
    size_t length; /* 0: everything before must be on the disk now */
    uint8_t *data; /* owned */
};

static struct recording {
    int image;  /* the disk as the program sees it */
    int before; /* what was on it before; -1: zeros */
    struct request *requests;
    size_t count;
    size_t fail_at; /* the request that fails with an I/O error */
} recording;

static void record(uint64_t offset, const void *data, size_t length)
{
    struct request r = {.offset = offset, .length = length, .data = xcalloc(1, length + 1)};
    if (length)
        memcpy(r.data, data, length);
    recording.requests =
        xreallocarray(recording.requests, recording.count + 1, sizeof *recording.requests);
    recording.requests[recording.count++] = r;
}

/* To a new image, which stays sparse: much of what is read of it takes no time then. */
static void copy_image(int from, int to)
{
    uint8_t buffer[1 << 16];
    for (off_t at = 0;; at += sizeof buffer) {
        ssize_t n = pread(from, buffer, sizeof buffer, at);
        assert_true(n >= 0);
        if (n == 0)
            return;
        if (!bytes_are_zero(buffer, (size_t)n))
            image_write(to, (uint64_t)at, buffer, (size_t)n);
    }
}

static void start_recording(int image, int before)
{
    recording = (struct recording){.image = image, .before = before, .fail_at = SIZE_MAX};
    if (before >= 0)
        copy_image(before, image);
}

static void stop_recording(void)
{
    for (size_t i = 0; i < recording.count; i++)
        free(recording.requests[i].data);
    free(recording.requests);
    recording = (struct recording){0};
}

/* ---- a channel of libext2fs that records ---- */

static errcode_t recorder_open(const char *name, int flags, io_channel *result);

static errcode_t recorder_close(io_channel channel)
{
    free(channel->name);
    free(channel);
    return 0;
}

static errcode_t recorder_set_blksize(io_channel channel, int size)
{
    channel->block_size = size;
    return 0;
}

static size_t length_of(io_channel channel, int count)
{
    return count < 0 ? (size_t)-count : (size_t)count * (size_t)channel->block_size;
}

static errcode_t recorder_read(io_channel channel, unsigned long long block, int count, void *data)
{
    image_read(recording.image, block * (unsigned)channel->block_size, data,
               length_of(channel, count));
    return 0;
}

static errcode_t recorder_write(io_channel channel, unsigned long long block, int count,
                                const void *data)
{
    uint64_t offset = block * (unsigned)channel->block_size;
    if (recording.count == recording.fail_at)
        return EIO;
    record(offset, data, length_of(channel, count));
    image_write(recording.image, offset, data, length_of(channel, count));
    return 0;
}

static errcode_t recorder_flush(io_channel channel)
{
    (void)channel;
    if (recording.count == recording.fail_at)
        return EIO;
    record(0, NULL, 0);
    return 0;
}

static struct struct_io_manager recorder = {
    .magic = EXT2_ET_MAGIC_IO_MANAGER,
    .name = "recorder",
    .open = recorder_open,
    .close = recorder_close,
    .set_blksize = recorder_set_blksize,
    .flush = recorder_flush,
    .read_blk64 = recorder_read,
    .write_blk64 = recorder_write,
};

static errcode_t recorder_open(const char *name, int flags, io_channel *result)
{
    (void)flags;
    io_channel channel = xcalloc(1, sizeof *channel);
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->manager = &recorder;
    channel->name = xstrdup(name);
    channel->block_size = 1024;
    channel->refcount = 1;
    *result = channel;
    return 0;
}

/* ---- the disk after a cut ---- */

static void apply(int image, const struct request *r)
{
    if (r->length)
        image_write(image, r->offset, r->data, r->length);
}

static void apply_by_dice(int image, const struct request *r, unsigned *seed)
{
    for (size_t at = 0; at < r->length; at += SECTOR) {
        size_t length = r->length - at < SECTOR ? r->length - at : SECTOR;
        if (rand_r(seed) & 1)
            image_write(image, r->offset + at, r->data + at, length);
    }
}

enum fate { LOST, WRITTEN, DICED };

/* What is on a disk of `size` when the power goes after `cut` requests: all that was synced, and
 * of the rest nothing, everything, or each sector by the dice. */
static int disk_after(uint64_t size, size_t cut, enum fate fate, unsigned seed)
{
    size_t synced = 0;
    for (size_t i = 0; i < cut; i++)
        if (!recording.requests[i].length)
            synced = i;
    int image = image_new(size);
    if (recording.before >= 0)
        copy_image(recording.before, image);
    for (size_t i = 0; i < cut; i++) {
        if (i < synced || fate == WRITTEN)
            apply(image, &recording.requests[i]);
        else if (fate == DICED)
            apply_by_dice(image, &recording.requests[i], &seed);
    }
    return image;
}

static void assert_clean(int image)
{
    char *path CLEANUP_FREE = image_path(image);
    char *output CLEANUP_FREE = NULL;
    const char *const argv[] = {"e2fsck", "-fn", path, NULL};
    if (image_run(argv, &output) != 0)
        fail_msg("e2fsck: %s", output);
}

static bool is_zeros(int image)
{
    struct stat st;
    assert_int_equal(fstat(image, &st), 0);
    int zeros CLEANUP_CLOSE = image_new((uint64_t)st.st_size);
    return image_same(image, zeros);
}

/* The next boot finds what `state` says, and has a clean filesystem afterwards. */
static void boot_again(int image, enum blank_state state)
{
    struct error e CLEANUP_ERROR = {0};
    struct probe p CLEANUP_PROBE = {0};
    char *path CLEANUP_FREE = image_path(image);
    bool formatted = state == BLANK_YES || state == BLANK_INTERRUPTED;
    int r = makefs_if_blank(path, NULL, NULL, &p, &e);
    if (r != formatted)
        fail_msg("makefs_if_blank: %d: %s", r, e.message ? e.message : "");
    assert_string_equal(p.type, "ext4");
    assert_clean(image);

    struct blank b CLEANUP_BLANK = {0};
    assert_int_equal(blank_examine(image, "disk", NULL, &b, NULL), 0);
    assert_int_equal(b.state, BLANK_HELD);
    assert_string_equal(b.probe.uuid, p.uuid);
}

/* Request by which the format is complete: the sync after the one write to the superblock. */
static size_t commit_of_recording(void)
{
    for (size_t i = 0; i < recording.count; i++) {
        const struct request *r = &recording.requests[i];
        if (r->length == SECTOR && r->offset == FORMATMARKER_COMMIT)
            return i;
    }
    fail_msg("the superblock has never been written");
    return 0;
}

static struct {
    unsigned cuts;
    unsigned blank, interrupted, uncleared, complete;
} figures;

static void try_cut(uint64_t size, size_t cut, enum fate fate, unsigned seed, bool boot)
{
    struct blank b CLEANUP_BLANK = {0};
    int image CLEANUP_CLOSE = disk_after(size, cut, fate, seed);
    size_t commit = commit_of_recording();
    assert_int_equal(blank_examine(image, "disk", NULL, &b, NULL), 0);
    figures.cuts++;
    switch (b.state) {
    case BLANK_YES:
        figures.blank++;
        assert_true(is_zeros(image));
        break;
    case BLANK_INTERRUPTED:
        figures.interrupted++;
        assert_true(cut <= commit + 1); /* the sync of the commit has not returned */
        break;
    case BLANK_UNCLEARED:
        figures.uncleared++;
        assert_true(cut > commit);
        break;
    default:
        figures.complete++;
        if (cut <= commit + 2 || b.state != BLANK_HELD)
            fail_msg("cut %zu of %zu (commit %zu), fate %d, seed %u: %s", cut, recording.count,
                     commit, (int)fate, seed, b.what);
        assert_string_equal(b.probe.type, "ext4");
    }
    if (boot)
        boot_again(image, b.state);
}

static struct ext4_format format_of(uint64_t size, unsigned sector, int identity)
{
    struct ext4_format f = {.time = 1700000000, .size = size, .sector = sector};
    memset(f.uuid, identity, sizeof f.uuid);
    return f;
}

static void record_format(int image, int before, const struct ext4_format *f)
{
    start_recording(image, before);
    assert_int_equal(ext4_make_through(&recorder, "disk", "disk", f, NULL), 0);
    assert_clean(image);
}

static void cut_everywhere(uint64_t size, unsigned dice)
{
    for (size_t cut = 0; cut <= recording.count; cut++) {
        bool boot = cut % 16 == 0 || cut + 8 > recording.count || cut < 4;
        try_cut(size, cut, LOST, 0, boot);
        try_cut(size, cut, WRITTEN, 0, boot);
        for (unsigned seed = 1; seed <= dice; seed++)
            try_cut(size, cut, DICED, seed * 7919 + (unsigned)cut, boot && seed < 3);
    }
}

static unsigned dice(void)
{
    const char *text = getenv("RUN_VM_LONG");
    return text && *text ? 40 : 4;
}

static void a_cut_at_any_instant_leaves_what_the_next_boot_redoes_or_uses(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        unsigned sector;
    } disks[] = {{256 * 1024, 512}, {8 * MIB, 512}, {8 * MIB, 4096}, {40 * MIB, 512}};
    for (size_t i = 0; i < ELEMENTS(disks); i++) {
        struct ext4_format f = format_of(disks[i].size, disks[i].sector, 0x11);
        int image CLEANUP_CLOSE = image_new(f.size);
        record_format(image, -1, &f);
        cut_everywhere(f.size, f.size > 8 * MIB ? dice() / 4 : dice());
        stop_recording();
    }
    assert_true(figures.blank > 0);
}

/* The second format runs over the remains of the first. It is the same one, by its marker: only so
 * can what is left of both be told from anybody else's data. */
static void a_redone_format_may_be_cut_as_well(void **state)
{
    (void)state;
    struct ext4_format f = format_of(8 * MIB, 512, 0x11);
    int image CLEANUP_CLOSE = image_new(f.size);
    record_format(image, -1, &f);
    int remains CLEANUP_CLOSE = disk_after(f.size, commit_of_recording(), DICED, 1);
    stop_recording();

    unsigned blank = figures.blank;
    record_format(image, remains, &f);
    cut_everywhere(f.size, dice());
    stop_recording();
    assert_int_equal(figures.blank, blank); /* it never looks untouched again */
}

/* Interposes fsync(), to see whether the marker was cleared on the device before it. */
static struct {
    int fd;
    bool cleared; /* the marker, when it was called */
} synced;

int fsync(int fd)
{
    uint8_t sector[FORMATMARKER_SECTOR] = {1};
    static const uint8_t zeros[FORMATMARKER_SECTOR];
    synced.fd = fd;
    synced.cleared = pread(fd, sector, sizeof sector, 0) == (ssize_t)sizeof sector &&
                     memcmp(sector, zeros, sizeof zeros) == 0;
    return (int)syscall(SYS_fsync, fd);
}

/* Stage 2 may write to the disk as soon as the format is finished, and the power may go then. */
static void the_end_of_a_format_is_on_the_disk_when_it_is_told(void **state)
{
    (void)state;
    struct ext4_format f = format_of(8 * MIB, 512, 0x11);
    int image CLEANUP_CLOSE = image_new(f.size);
    uint8_t marker[FORMATMARKER_SECTOR];
    memset(marker, 'm', sizeof marker);
    image_write(image, 0, marker, sizeof marker);
    synced.fd = -1;
    assert_int_equal(ext4_finish(image, "disk", NULL), 0);
    assert_int_equal(synced.fd, image);
    assert_true(synced.cleared);
}

/* A power cut in the middle of the format, and then, before the next boot, somebody else's sector.
 */
static void data_beside_an_interrupted_format_are_never_formatted(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {8 * MIB, 40 * MIB};
    unsigned refused = 0;
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        struct ext4_format f = format_of(sizes[i], 512, 0x11);
        int image CLEANUP_CLOSE = image_new(f.size);
        record_format(image, -1, &f);
        size_t commit = commit_of_recording();
        for (unsigned seed = 1; seed <= 64; seed++) {
            unsigned dice = seed;
            size_t cut = 2 + (size_t)rand_r(&dice) % (commit - 2);
            int remains CLEANUP_CLOSE = disk_after(f.size, cut, seed % 2 ? WRITTEN : DICED, seed);
            /* what ext4 has in one place is not welcome in another, nor is half a sector of it */
            uint64_t sector = 3 + (uint64_t)rand_r(&dice) % (f.size / SECTOR - 3);
            uint8_t data[SECTOR];
            image_read(remains, sector * SECTOR, data, sizeof data);
            data[rand_r(&dice) % SECTOR] ^= 0x5a;
            image_write(remains, sector * SECTOR, data, sizeof data);
            int before CLEANUP_CLOSE = image_new(f.size);
            copy_image(remains, before);

            struct error e CLEANUP_ERROR = {0};
            struct probe p CLEANUP_PROBE = {0};
            char *path CLEANUP_FREE = image_path(remains);
            assert_int_equal(makefs_if_blank(path, NULL, NULL, &p, &e), -EEXIST);
            assert_error_names(e, path, "not formatted",
                               "an interrupted ext4 format, and other data");
            assert_true(image_same(remains, before));
            refused++;
        }
        stop_recording();
    }
    assert_int_equal(refused, 128);
}

static int print_figures(void **state)
{
    (void)state;
    print_message("power cuts during a format: %u tried (%u left it blank, %u were redone, %u had "
                  "only to be finished, %u were after its end), 0 failed\n",
                  figures.cuts, figures.blank, figures.interrupted, figures.uncleared,
                  figures.complete);
    return !(figures.interrupted && figures.uncleared && figures.complete);
}

static void an_error_of_the_disk_at_any_write_is_reported_and_the_format_redone(void **state)
{
    (void)state;
    struct ext4_format f = format_of(8 * MIB, 512, 0x11);
    size_t failures = 0;
    for (size_t at = 0;; at++, failures++) {
        struct error e CLEANUP_ERROR = {0};
        int image CLEANUP_CLOSE = image_new(f.size);
        start_recording(image, -1);
        recording.fail_at = at;
        int r = ext4_make_through(&recorder, "disk", "/dev/vdz", &f, &e);
        size_t written = recording.count;
        stop_recording();
        if (r == 0 && written <= at)
            break;
        assert_int_equal(r, -EIO);
        assert_error_names(e, "/dev/vdz: cannot make an ext4: ");
        struct blank b CLEANUP_BLANK = {0};
        assert_int_equal(blank_examine(image, "disk", NULL, &b, NULL), 0);
        if (at % 8 == 0)
            boot_again(image, b.state);
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_any_instant_leaves_what_the_next_boot_redoes_or_uses),
        cmocka_unit_test(a_redone_format_may_be_cut_as_well),
        cmocka_unit_test(data_beside_an_interrupted_format_are_never_formatted),
        cmocka_unit_test(an_error_of_the_disk_at_any_write_is_reported_and_the_format_redone),
        cmocka_unit_test(the_end_of_a_format_is_on_the_disk_when_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, print_figures);
}
