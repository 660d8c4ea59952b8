/* SPDX-License-Identifier: MIT */
/* Which disks may be formatted, decided on images; those of other formats are made by the disk zoo
 * (tests/host/disk-zoo.bats). */
#include "init/format/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/stamp.h"
#include "init/format/ext4.h"
#include "init/format/formatmarker.h"
#include "init/format/makefs.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)

static struct blank examine(int fd)
{
    struct blank b = {0};
    struct error e CLEANUP_ERROR = {0};
    if (blank_examine(fd, "disk", NULL, &b, &e) < 0)
        fail_msg("%s", e.message);
    return b;
}

static void assert_state(int fd, enum blank_state state, const char *what)
{
    struct blank b CLEANUP_BLANK = examine(fd);
    if (b.state != state || !streq(b.what, what))
        fail_msg("%d: %s, not %d: %s", (int)b.state, b.what, (int)state, what);
}

static void zeros_are_blank_whatever_the_size(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {256 * KIB,     MIB,       2 * MIB,        2 * MIB + 512,
                                     8 * MIB - 512, 512 * MIB, 16 * MIB * MIB, 64 * MIB * MIB};
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        int fd CLEANUP_CLOSE = image_new(sizes[i]);
        assert_state(fd, BLANK_YES, "nothing");
    }
}

static void a_disk_without_room_is_too_small(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 512, 1024, 4096, 256 * KIB - 512};
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        int fd CLEANUP_CLOSE = image_new(sizes[i]);
        char *what CLEANUP_FREE =
            xasprintf("nothing, and only %llu bytes of room", (unsigned long long)sizes[i]);
        assert_state(fd, BLANK_TOO_SMALL, what);
    }
}

static void one_byte_in_the_first_or_last_mib_is_enough_to_hold_something(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {256 * KIB, MIB + 512, 2 * MIB, 3 * MIB + 512, 100 * MIB};
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        uint64_t size = sizes[i], end = size > MIB ? MIB : size;
        const uint64_t places[] = {0,        1,          511,           1023,         1024,
                                   end / 2,  end - 1,    size - end,    size - 65537, size - 4096,
                                   size - 1, size - 512, size - end / 3};
        for (size_t j = 0; j < ELEMENTS(places); j++) {
            int fd CLEANUP_CLOSE = image_new(size);
            image_write(fd, places[j], "\1", 1);
            char *what CLEANUP_FREE =
                xasprintf("data of no known format, the first of it at byte %llu",
                          (unsigned long long)places[j]);
            assert_state(fd, BLANK_HELD, what);
        }
    }
}

static void data_behind_a_lost_partition_table_are_seen(void **state)
{
    (void)state;
    static const uint64_t starts[] = {MIB,       2 * MIB,   4 * MIB,       32 * MIB,
                                      128 * MIB, 3 * MIB,   17 * MIB,      101 * MIB,
                                      201 * MIB, 513 * MIB, MIB + 20 * KIB};
    static const uint64_t superblocks[] = {0, 1024, 32 * KIB, 64 * KIB};
    for (size_t i = 0; i < ELEMENTS(starts); i++) {
        for (size_t j = 0; j < ELEMENTS(superblocks); j++) {
            int fd CLEANUP_CLOSE = image_new(starts[i] + 64 * MIB);
            image_write(fd, starts[i] + superblocks[j], "\1", 1);
            struct blank b CLEANUP_BLANK = examine(fd);
            assert_int_equal(b.state, BLANK_HELD);
        }
    }
}

static void one_byte_anywhere_is_enough_to_hold_something(void **state)
{
    (void)state;
    const uint64_t size = 5 * 1024 * MIB + 512;
    for (uint64_t at = 7; at < size; at += 104729 * 1021) {
        int fd CLEANUP_CLOSE = image_new(size);
        image_write(fd, at, "\1", 1);
        char *what CLEANUP_FREE = xasprintf("data of no known format, the first of it at byte %llu",
                                            (unsigned long long)at);
        assert_state(fd, BLANK_HELD, what);
    }
}

static void what_is_found_is_named(void **state)
{
    (void)state;
    int fd CLEANUP_CLOSE = image_new(64 * MIB);
    char *path CLEANUP_FREE = image_path(fd);
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", path), 0);
    assert_state(fd, BLANK_HELD, "ext4 filesystem");

    int table CLEANUP_CLOSE = image_new(64 * MIB);
    char *table_path CLEANUP_FREE = image_path(table);
    assert_int_equal(IMAGE_RUN("sgdisk", "-n1", table_path), 0);
    assert_state(table, BLANK_HELD, "gpt partition table");
    static const uint8_t zeros[34 * 512];
    image_write(table, 0, zeros, sizeof zeros); /* only the backup is left */
    assert_state(table, BLANK_HELD, "a damaged gpt partition table");
}

static void several_formats_at_once_are_ambivalent(void **state)
{
    (void)state;
    int swap CLEANUP_CLOSE = image_new(8 * MIB);
    int fd CLEANUP_CLOSE = image_new(8 * MIB);
    char *swap_path CLEANUP_FREE = image_path(swap);
    char *path CLEANUP_FREE = image_path(fd);
    uint8_t page[4096];
    assert_int_equal(IMAGE_RUN("mkswap", swap_path), 0);
    assert_int_equal(IMAGE_RUN("mkfs.bfs", path), 0);
    image_read(swap, 1024, page, sizeof page - 1024);
    image_write(fd, 1024, page, sizeof page - 1024);
    assert_state(fd, BLANK_AMBIVALENT, "several formats at once: swap and bfs");
}

/* ---- the marker of an interrupted format ---- */

static const struct formatmarker ours = {
    .size = 8 * MIB, .uuid = {1, 2, 3}, .hash_seed = {4, 5, 6}, .time = 1700000000, .sector = 512};

static int marked(uint64_t size)
{
    uint8_t sector[FORMATMARKER_SECTOR];
    int fd = image_new(size);
    formatmarker_encode(&ours, sector);
    image_write(fd, 0, sector, sizeof sector);
    return fd;
}

static void an_interrupted_format_is_known_by_its_marker(void **state)
{
    (void)state;
    int fd CLEANUP_CLOSE = marked(8 * MIB);
    assert_state(fd, BLANK_INTERRUPTED, "an interrupted ext4 format");
    struct blank b CLEANUP_BLANK = examine(fd);
    assert_memory_equal(b.marker.uuid, ours.uuid, sizeof ours.uuid);
}

/* Bytes that the format writes are accepted where it writes them; the same bytes elsewhere are
 * not. */
static void beside_the_marker_only_that_format_s_own_writes_may_be(void **state)
{
    (void)state;
    static const uint8_t zeros[2 * FORMATMARKER_SECTOR];
    static const uint64_t places[] = {1536, 4096, 700 * KIB, 8 * MIB - 512};
    struct ext4_format f;
    uint8_t sector[FORMATMARKER_SECTOR];
    ext4_resume(&ours, &f);
    int fd CLEANUP_CLOSE = image_new(f.size);
    assert_int_equal(ext4_make(fd, "disk", &f, NULL), 0);
    image_write(fd, FORMATMARKER_COMMIT, zeros, FORMATMARKER_SECTOR);
    formatmarker_encode(&ours, sector);
    image_write(fd, 0, sector, sizeof sector);
    assert_state(fd, BLANK_INTERRUPTED, "an interrupted ext4 format");
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        uint8_t was[8];
        char *what CLEANUP_FREE =
            xasprintf("an interrupted ext4 format, and other data, the first of it at byte %llu",
                      (unsigned long long)places[i]);
        image_read(fd, places[i], was, sizeof was);
        image_write(fd, places[i], "anything", 8);
        struct blank b CLEANUP_BLANK = examine(fd);
        assert_int_equal(b.state, BLANK_HELD);
        if (memcmp(was, zeros, sizeof was) == 0)
            assert_string_equal(b.what, what);
        image_write(fd, places[i], was, sizeof was);
    }
    /* another format's: its UUID is in every checksum */
    memset(f.uuid, 9, sizeof f.uuid);
    assert_int_equal(ext4_make(fd, "disk", &f, NULL), 0);
    image_write(fd, FORMATMARKER_COMMIT, zeros, FORMATMARKER_SECTOR);
    image_write(fd, 0, sector, sizeof sector);
    struct blank b CLEANUP_BLANK = examine(fd);
    assert_int_equal(b.state, BLANK_HELD);
}

/* Of run-vm's first versions: it says nothing of what it would have written. */
static void an_old_marker_is_good_for_a_disk_of_zeros_alone(void **state)
{
    (void)state;
    const struct formatmarker old = {.size = 8 * MIB, .uuid = {1, 2, 3}};
    uint8_t sector[FORMATMARKER_SECTOR];
    int fd CLEANUP_CLOSE = image_new(old.size);
    formatmarker_encode(&old, sector);
    image_write(fd, 0, sector, sizeof sector);
    assert_state(fd, BLANK_INTERRUPTED, "an interrupted ext4 format");
    image_write(fd, 4 * MIB, "x", 1);
    assert_state(fd, BLANK_HELD,
                 "an interrupted ext4 format, and other data, the first of it at byte 4194304");
}

/* ---- the host's stamp ---- */

static void stamp(int fd, const char *word)
{
    uint8_t sector[STAMP_SECTOR];
    stamp_encode(word, sector);
    image_write(fd, 0, sector, sizeof sector);
}

static enum blank_state state_with(int fd, const char *word)
{
    struct blank b CLEANUP_BLANK = {0};
    struct error e CLEANUP_ERROR = {0};
    struct strv words CLEANUP_STRV = {0};
    strv_push(&words, "0000000000");
    if (word)
        strv_push(&words, word);
    if (blank_examine(fd, "disk", &words, &b, &e) < 0)
        fail_msg("%s", e.message);
    return b.state;
}

static void a_stamp_stands_for_a_blank_disk_whatever_its_word(void **state)
{
    (void)state;
    static const char *const words[] = {"abcdefghij", "ABCDEFGHIJ", NULL};
    static const uint64_t sizes[] = {256 * KIB, MIB, 8 * MIB, 3 * MIB + 512, 16 * MIB * MIB};
    for (size_t i = 0; i < ELEMENTS(sizes); i++) {
        int fd CLEANUP_CLOSE = image_new(sizes[i]);
        stamp(fd, "abcdefghij");
        for (size_t j = 0; j < ELEMENTS(words); j++)
            assert_int_equal(state_with(fd, words[j]), BLANK_YES);
    }
}

/* Only the word of this start spares the reading of the whole disk, and of that disk alone. */
static void another_word_or_half_a_stamp_vouches_for_nothing(void **state)
{
    (void)state;
    int fd CLEANUP_CLOSE = image_new(64 * MIB);
    stamp(fd, "abcdefghij");
    image_write(fd, 17 * MIB, "x", 1);
    assert_int_equal(state_with(fd, "abcdefghij"),
                     BLANK_YES); /* it was not read: that is the point */
    assert_int_equal(state_with(fd, "abcdefghik"), BLANK_HELD);
    assert_int_equal(state_with(fd, ""), BLANK_HELD);
    assert_int_equal(state_with(fd, NULL), BLANK_HELD);
    for (uint64_t at = 0; at < STAMP_SECTOR; at++) {
        int damaged CLEANUP_CLOSE = image_new(8 * MIB);
        stamp(damaged, "abcdefghij");
        image_flip(damaged, at);
        if (at < 32 || at >= 42)
            assert_int_equal(state_with(damaged, "abcdefghij"), BLANK_HELD);
    }
}

/* A stamp is no licence: what is found all the same counts. */
static void what_is_found_in_spite_of_the_stamp_is_held(void **state)
{
    (void)state;
    static const uint64_t places[] = {512,      1024,        MIB - 1, MIB, 32 * MIB + 1024,
                                      63 * MIB, 64 * MIB - 1};
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        int fd CLEANUP_CLOSE = image_new(64 * MIB);
        stamp(fd, "abcdefghij");
        image_write(fd, places[i], "x", 1);
        assert_int_equal(state_with(fd, "abcdefghij"), BLANK_HELD);
    }
    int fd CLEANUP_CLOSE = image_new(64 * MIB);
    char *path CLEANUP_FREE = image_path(fd);
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", path), 0);
    stamp(fd, "abcdefghij");
    assert_int_equal(state_with(fd, "abcdefghij"), BLANK_HELD);
}

/* A guest that starts again in the same machine finds the same word. */
static void a_format_uses_the_stamp_up(void **state)
{
    (void)state;
    static const uint8_t zeros[MIB];
    struct error e CLEANUP_ERROR = {0};
    struct probe p CLEANUP_PROBE = {0};
    int fd CLEANUP_CLOSE = image_new(64 * MIB);
    char *path CLEANUP_FREE = image_path(fd);
    struct strv words CLEANUP_STRV = {0};
    strv_push(&words, "abcdefghij");
    stamp(fd, "abcdefghij");
    assert_int_equal(makefs_if_blank(path, NULL, &words, &p, &e), 1);
    assert_int_equal(makefs_if_blank(path, NULL, &words, &p, &e), 0);
    /* its filesystem is gone, and something nobody knows is in its place */
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(ftruncate(fd, 64 * MIB), 0);
    image_write(fd, 17 * MIB, "x", 1);
    image_write(fd, 0, zeros, sizeof zeros);
    assert_int_equal(makefs_if_blank(path, NULL, &words, &p, &e), -EEXIST);
    assert_error_names(e, path, "the first of it at byte 17825792");
}

static void a_marker_that_is_not_whole_counts_for_nothing(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < FORMATMARKER_COMMIT + FORMATMARKER_SECTOR; at++) {
        int fd CLEANUP_CLOSE = marked(8 * MIB);
        if (at >= 40 && at < 108) /* any format may be on its way */
            continue;
        image_flip(fd, at);
        struct blank b CLEANUP_BLANK = examine(fd);
        assert_int_equal(b.state, BLANK_HELD);
    }
}

static void a_marker_on_a_disk_of_another_size_counts_for_nothing(void **state)
{
    (void)state;
    int fd CLEANUP_CLOSE = marked(8 * MIB + 512);
    assert_state(fd, BLANK_HELD, "data of no known format, the first of it at byte 0");
}

static void anything_else_found_beside_the_marker_is_held(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "mke2fs -Fqt ext4 $0",
        "mkswap $0",
        "sgdisk -n1 $0",
        "mkfs.vfat $0",
        "echo 'label: dos' | sfdisk -q $0",
    };
    for (size_t i = 0; i < ELEMENTS(commands); i++) {
        int fd CLEANUP_CLOSE = marked(8 * MIB);
        char *path CLEANUP_FREE = image_path(fd);
        uint8_t sector[FORMATMARKER_SECTOR];
        assert_int_equal(IMAGE_RUN("sh", "-c", commands[i], path), 0);
        formatmarker_encode(&ours, sector);
        image_write(fd, 0, sector, 440); /* as if the tool had left it there */
        struct blank b CLEANUP_BLANK = examine(fd);
        assert_int_equal(b.state, BLANK_HELD);
    }
}

static void a_complete_filesystem_with_its_own_marker_is_only_to_be_cleared(void **state)
{
    (void)state;
    struct ext4_format f = {.time = 1700000000, .size = 8 * MIB, .sector = 512};
    memcpy(f.uuid, ours.uuid, sizeof f.uuid);
    int fd CLEANUP_CLOSE = image_new(f.size);
    assert_int_equal(ext4_make(fd, "disk", &f, NULL), 0);
    assert_state(fd, BLANK_HELD, "ext4 filesystem");

    uint8_t sector[FORMATMARKER_SECTOR];
    formatmarker_encode(&ours, sector);
    image_write(fd, 0, sector, sizeof sector);
    assert_state(fd, BLANK_UNCLEARED, "ext4 filesystem");
    assert_int_equal(ext4_finish(fd, "disk", NULL), 0);
    assert_state(fd, BLANK_HELD, "ext4 filesystem");

    struct formatmarker other = ours;
    other.uuid[15] = 1;
    formatmarker_encode(&other, sector);
    image_write(fd, 0, sector, sizeof sector);
    assert_state(fd, BLANK_HELD, "ext4 filesystem");
}

static void a_superblock_lost_after_the_format_is_not_an_interrupted_one(void **state)
{
    (void)state;
    struct ext4_format f = {.time = 1700000000, .size = 8 * MIB, .sector = 512};
    int fd CLEANUP_CLOSE = image_new(f.size);
    static const uint8_t zeros[FORMATMARKER_SECTOR];
    assert_int_equal(ext4_make(fd, "disk", &f, NULL), 0);
    image_write(fd, FORMATMARKER_COMMIT, zeros, sizeof zeros);
    struct blank b CLEANUP_BLANK = examine(fd);
    assert_int_equal(b.state, BLANK_HELD);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    struct blank b CLEANUP_BLANK = {0};
    int image CLEANUP_CLOSE = image_new(8 * MIB);
    char *path CLEANUP_FREE = image_path(image);
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(blank_examine(fd, "/dev/vdz", NULL, &b, &e) < 0);
    assert_error_names(e, "/dev/vdz", "cannot be read");
    assert_int_equal(b.state, BLANK_UNDECIDED);
    int null CLEANUP_CLOSE = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(blank_examine(null, "/dev/null", NULL, &b, &e) < 0);
    assert_int_equal(b.state, BLANK_UNDECIDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_are_blank_whatever_the_size),
        cmocka_unit_test(a_disk_without_room_is_too_small),
        cmocka_unit_test(one_byte_in_the_first_or_last_mib_is_enough_to_hold_something),
        cmocka_unit_test(data_behind_a_lost_partition_table_are_seen),
        cmocka_unit_test(one_byte_anywhere_is_enough_to_hold_something),
        cmocka_unit_test(what_is_found_is_named),
        cmocka_unit_test(several_formats_at_once_are_ambivalent),
        cmocka_unit_test(an_interrupted_format_is_known_by_its_marker),
        cmocka_unit_test(beside_the_marker_only_that_format_s_own_writes_may_be),
        cmocka_unit_test(an_old_marker_is_good_for_a_disk_of_zeros_alone),
        cmocka_unit_test(a_stamp_stands_for_a_blank_disk_whatever_its_word),
        cmocka_unit_test(another_word_or_half_a_stamp_vouches_for_nothing),
        cmocka_unit_test(what_is_found_in_spite_of_the_stamp_is_held),
        cmocka_unit_test(a_format_uses_the_stamp_up),
        cmocka_unit_test(a_marker_that_is_not_whole_counts_for_nothing),
        cmocka_unit_test(a_marker_on_a_disk_of_another_size_counts_for_nothing),
        cmocka_unit_test(anything_else_found_beside_the_marker_is_held),
        cmocka_unit_test(a_complete_filesystem_with_its_own_marker_is_only_to_be_cleared),
        cmocka_unit_test(a_superblock_lost_after_the_format_is_not_an_interrupted_one),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
