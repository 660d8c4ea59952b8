/* SPDX-License-Identifier: MIT */
/* Filesystems that init makes on blank disks, checked with mke2fs, e2fsck and dumpe2fs. */
#include "init/format/ext4.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "init/format/blank.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

#define UUID      "11111111-1111-1111-1111-111111111111"
#define HASH_SEED "22222222-2222-2222-2222-222222222222"

/* Parameters for both, so that nothing differs by chance. */
static struct ext4_format fixed(uint64_t size, unsigned sector)
{
    struct ext4_format f = {.time = 1700000000, .size = size, .sector = sector};
    memset(f.uuid, 0x11, sizeof f.uuid);
    memset(f.hash_seed, 0x22, sizeof f.hash_seed);
    return f;
}

/* mke2fs on the same. `extended` are more of its -E options, "" for none. */
static void mke2fs(int fd, const struct ext4_format *f, const char *extended)
{
    char *path CLEANUP_FREE = image_path(fd);
    char *sector CLEANUP_FREE = xasprintf("%u", f->sector);
    char *options CLEANUP_FREE = xasprintf("nodiscard,hash_seed=" HASH_SEED "%s", extended);
    setenv("E2FSPROGS_FAKE_TIME", "1700000000", 1);
    setenv("MKE2FS_DEVICE_SECTSIZE", sector, 1);
    int r = IMAGE_RUN("mke2fs", "-F", "-q", "-t", "ext4", "-L", f->label ? f->label : "", "-U",
                      UUID, "-E", options, path);
    unsetenv("E2FSPROGS_FAKE_TIME");
    unsetenv("MKE2FS_DEVICE_SECTSIZE");
    assert_int_equal(r, 0);
}

static void make(int fd, const struct ext4_format *f)
{
    struct error e CLEANUP_ERROR = {0};
    if (ext4_make(fd, "disk", f, &e) < 0)
        fail_msg("%s", e.message);
}

static void assert_clean(int fd)
{
    char *path CLEANUP_FREE = image_path(fd);
    char *output CLEANUP_FREE = NULL;
    const char *const argv[] = {"e2fsck", "-fn", path, NULL};
    if (image_run(argv, &output) != 0)
        fail_msg("e2fsck: %s", output);
}

static char *dump(int fd)
{
    char *path CLEANUP_FREE = image_path(fd);
    char *output = NULL;
    const char *const argv[] = {"dumpe2fs", "-h", path, NULL};
    assert_int_equal(image_run(argv, &output), 0);
    return output;
}

static void is_byte_for_byte_what_mke2fs_makes(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        unsigned sector;
    } disks[] = {
        {256 * KIB, 512},  {1 * MIB, 512},          {2 * MIB, 512},         {3 * MIB, 512},
        {8 * MIB, 512},    {8 * MIB + 512, 512},    {100 * MIB - 512, 512}, {256 * MIB, 512},
        {511 * MIB, 512},  {512 * MIB - 4096, 512}, {512 * MIB, 512},       {1 * GIB, 512},
        {5 * GIB, 512},    {64 * GIB, 512},         {8 * TIB, 512},         {256 * KIB, 4096},
        {1 * MIB, 4096},   {3 * MIB, 4096},         {8 * MIB, 4096},        {256 * MIB, 4096},
        {511 * MIB, 4096}, {512 * MIB, 4096},       {1 * GIB, 4096},
    };
    for (size_t i = 0; i < ELEMENTS(disks); i++) {
        struct ext4_format f = fixed(disks[i].size, disks[i].sector);
        int ours CLEANUP_CLOSE = image_new(f.size);
        int theirs CLEANUP_CLOSE = image_new(f.size);
        make(ours, &f);
        mke2fs(theirs, &f, "");
        if (!image_same(ours, theirs))
            fail_msg("%llu bytes, sectors of %u", (unsigned long long)f.size, f.sector);
        if (f.size <= GIB)
            assert_clean(ours);
    }
}

/* Too much for a byte by byte comparison. */
static void describes_16_tib_like_mke2fs(void **state)
{
    (void)state;
    struct ext4_format f = fixed(16 * TIB, 512);
    char *texts[2] = {NULL};
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        int fd CLEANUP_CLOSE = image_new(f.size);
        if (i)
            mke2fs(fd, &f, "");
        else
            make(fd, &f);
        texts[i] = dump(fd);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}

static void follows_the_stripes_of_a_raid(void **state)
{
    (void)state;
    struct ext4_format f = fixed(GIB, 512);
    f.minimum_io = 64 * 1024;
    f.optimal_io = 256 * 1024;
    int ours CLEANUP_CLOSE = image_new(f.size);
    int theirs CLEANUP_CLOSE = image_new(f.size);
    make(ours, &f);
    mke2fs(theirs, &f, ",stride=16,stripe_width=64");
    assert_true(image_same(ours, theirs));
}

static void writes_the_label_it_is_given(void **state)
{
    (void)state;
    struct ext4_format f = fixed(8 * MIB, 512);
    f.label = "sixteen bytes ok";
    int ours CLEANUP_CLOSE = image_new(f.size);
    int theirs CLEANUP_CLOSE = image_new(f.size);
    make(ours, &f);
    mke2fs(theirs, &f, "");
    assert_true(image_same(ours, theirs));
}

static void every_format_has_an_identity_of_its_own(void **state)
{
    (void)state;
    struct ext4_format a, b;
    int fd CLEANUP_CLOSE = image_new(8 * MIB);
    assert_int_equal(ext4_describe(fd, "disk", &a, NULL), 0);
    assert_int_equal(ext4_describe(fd, "disk", &b, NULL), 0);
    assert_int_equal(a.size, 8 * MIB);
    assert_int_equal(a.sector, 512);
    assert_memory_not_equal(a.uuid, b.uuid, sizeof a.uuid);
    assert_memory_not_equal(a.hash_seed, b.hash_seed, sizeof a.hash_seed);
    assert_true(a.time > 1700000000);
    make(fd, &a);
    assert_clean(fd);
}

/* Old data between the ends of the disk, which were not read, must not show in the filesystem. */
static void old_data_do_not_shine_through(void **state)
{
    (void)state;
    struct ext4_format f = fixed(64 * MIB, 512);
    int fd CLEANUP_CLOSE = image_new(f.size);
    static uint8_t noise[1 << 20];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(random() | 1);
    for (uint64_t at = MIB; at < f.size - MIB; at += sizeof noise)
        image_write(fd, at, noise, sizeof noise);
    make(fd, &f);
    assert_clean(fd);
}

static void says_why_it_cannot(void **state)
{
    (void)state;
    struct {
        struct ext4_format format;
        int code;
        const char *message;
    } cases[] = {
        {fixed(8 * MIB, 512), -EINVAL,
         "disk: the label \"seventeen letters\" has more than the 16 bytes that ext4 has room for"},
        {fixed(8 * MIB, 8192), -EINVAL, "disk: cannot make an ext4 on sectors of 8192 bytes"},
        {fixed(255 * KIB, 512), -ENOSPC, "disk: 261120 bytes are too few for an ext4"},
    };
    cases[0].format.label = "seventeen letters";
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct error e CLEANUP_ERROR = {0};
        int fd CLEANUP_CLOSE = image_new(8 * MIB);
        assert_int_equal(ext4_make(fd, "disk", &cases[i].format, &e), cases[i].code);
        assert_string_equal(e.message, cases[i].message);
    }
}

static void a_disk_that_cannot_be_written_is_an_error(void **state)
{
    (void)state;
    struct ext4_format f = fixed(8 * MIB, 512);
    struct error e CLEANUP_ERROR = {0};
    int image CLEANUP_CLOSE = image_new(f.size);
    char *path CLEANUP_FREE = image_path(image);
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(ext4_make(fd, "/dev/vdz", &f, &e) < 0);
    assert_non_null(strstr(e.message, "/dev/vdz: cannot make an ext4: the marker: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_byte_for_byte_what_mke2fs_makes),
        cmocka_unit_test(describes_16_tib_like_mke2fs),
        cmocka_unit_test(follows_the_stripes_of_a_raid),
        cmocka_unit_test(writes_the_label_it_is_given),
        cmocka_unit_test(every_format_has_an_identity_of_its_own),
        cmocka_unit_test(old_data_do_not_shine_through),
        cmocka_unit_test(says_why_it_cannot),
        cmocka_unit_test(a_disk_that_cannot_be_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
