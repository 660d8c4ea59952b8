/* SPDX-License-Identifier: MIT */
/* x-systemd.makefs on images: those that are formatted, those that are not, and the reasons. */
#include "init/format/makefs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "init/format/formatmarker.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define MIB ((uint64_t)1024 * 1024)

static int copy_of(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    int copy = image_new((uint64_t)st.st_size);
    uint8_t *all CLEANUP_FREE = xcalloc(1, (size_t)st.st_size);
    image_read(fd, 0, all, (size_t)st.st_size);
    image_write(copy, 0, all, (size_t)st.st_size);
    return copy;
}

static void a_blank_disk_is_formatted_once(void **state)
{
    (void)state;
    struct probe p CLEANUP_PROBE = {0}, again CLEANUP_PROBE = {0}, probed CLEANUP_PROBE = {0};
    int fd CLEANUP_CLOSE = image_new(64 * MIB);
    char *path CLEANUP_FREE = image_path(fd);
    assert_int_equal(makefs_if_blank(path, "root", NULL, &p, NULL), 1);
    assert_int_equal(makefs_if_blank(path, "root", NULL, &again, NULL), 0);

    /* the description given without probing matches the disk */
    assert_int_equal(probe_fd(fd, path, &probed, NULL), 0);
    const struct probe *all[] = {&p, &again};
    for (size_t i = 0; i < ELEMENTS(all); i++) {
        assert_int_equal(all[i]->verdict, PROBE_FOUND);
        assert_int_equal(all[i]->size, 64 * MIB);
        assert_string_equal(all[i]->type, "ext4");
        assert_string_equal(all[i]->label, "root");
        assert_string_equal(all[i]->uuid, probed.uuid);
        assert_true(probe_is_filesystem(all[i]));
    }
    assert_int_equal(IMAGE_RUN("e2fsck", "-fn", path), 0);
}

static void without_a_label_there_is_none(void **state)
{
    (void)state;
    struct probe p CLEANUP_PROBE = {0}, probed CLEANUP_PROBE = {0};
    int fd CLEANUP_CLOSE = image_new(64 * MIB);
    char *path CLEANUP_FREE = image_path(fd);
    assert_int_equal(makefs_if_blank(path, NULL, NULL, &p, NULL), 1);
    assert_null(p.label);
    assert_int_equal(probe_fd(fd, path, &probed, NULL), 0);
    assert_null(probed.label);
}

static void a_filesystem_stays_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *type;
    } rows[] = {
        {"mke2fs -Fqt ext2 $0", "ext2"},
        {"mke2fs -Fqt ext3 $0", "ext3"},
        {"mkfs.vfat $0", "vfat"},
        {"mkfs.minix $0", "minix"},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        struct probe p CLEANUP_PROBE = {0};
        int fd CLEANUP_CLOSE = image_new(16 * MIB);
        char *path CLEANUP_FREE = image_path(fd);
        assert_int_equal(IMAGE_RUN("sh", "-c", rows[i].command, path), 0);
        int before CLEANUP_CLOSE = copy_of(fd);
        assert_int_equal(makefs_if_blank(path, NULL, NULL, &p, NULL), 0);
        assert_string_equal(p.type, rows[i].type);
        assert_true(image_same(fd, before));
    }
}

static void anything_else_stays_as_it_is_and_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *what;
    } rows[] = {
        {"mkswap $0", "swap"},
        {"sgdisk -n1 $0", "gpt partition table"},
        {"echo label: dos | sfdisk $0", "dos partition table"},
        {"printf x | dd of=$0 bs=1 seek=700000 conv=notrunc", "data of no known format"},
        {"mkswap $0; printf '\\316\\372\\255\\033' | dd of=$0 conv=notrunc",
         "several formats at once: swap and bfs"},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        struct error e CLEANUP_ERROR = {0};
        struct probe p CLEANUP_PROBE = {0};
        int fd CLEANUP_CLOSE = image_new(16 * MIB);
        char *path CLEANUP_FREE = image_path(fd);
        assert_int_equal(IMAGE_RUN("sh", "-c", rows[i].command, path), 0);
        int before CLEANUP_CLOSE = copy_of(fd);
        assert_int_equal(makefs_if_blank(path, NULL, NULL, &p, &e), -EEXIST);
        assert_error_names(e, path, "not formatted", rows[i].what, "overwrite it with zeros");
        assert_true(image_same(fd, before));
    }
}

static void a_disk_too_small_is_said_to_be(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    struct probe p CLEANUP_PROBE = {0};
    int fd CLEANUP_CLOSE = image_new(512);
    char *path CLEANUP_FREE = image_path(fd);
    assert_int_equal(makefs_if_blank(path, NULL, NULL, &p, &e), -ENOSPC);
    assert_error_names(e, path, "too small for a filesystem", "512 bytes");
}

static void a_disk_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    struct probe p CLEANUP_PROBE = {0};
    assert_int_equal(makefs_if_blank("/dev/no-such-disk", NULL, NULL, &p, &e), -ENOENT);
    assert_string_equal(e.message, "/dev/no-such-disk: No such file or directory");
}

/* Returns a read-only loop device over `path`; NULL if this machine does not allow one. */
static char *loop_over(const char *path)
{
    char *device = NULL;
    const char *const argv[] = {"losetup", "--find", "--show", "--read-only", path, NULL};
    if (image_run(argv, &device) != 0) {
        free(device);
        return NULL;
    }
    device[strcspn(device, "\n")] = '\0';
    return device;
}

static void a_read_only_disk_is_used_if_it_holds_a_filesystem(void **state)
{
    (void)state;
    for (int filled = 0; filled < 2; filled++) {
        struct error e CLEANUP_ERROR = {0};
        struct probe p CLEANUP_PROBE = {0};
        int fd CLEANUP_CLOSE = image_new(16 * MIB);
        char *path CLEANUP_FREE = image_path(fd);
        if (filled)
            assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", path), 0);
        char *loop CLEANUP_FREE = loop_over(path);
        if (!loop) {
            skip();
            return;
        }
        int r = makefs_if_blank(loop, NULL, NULL, &p, &e);
        assert_int_equal(IMAGE_RUN("losetup", "--detach", loop), 0);
        if (filled) {
            assert_int_equal(r, 0);
            assert_string_equal(p.type, "ext4");
        } else {
            assert_int_equal(r, -EROFS);
            assert_error_names(e, loop, "holds nothing, but cannot be formatted", "Read-only");
        }
    }
}

static void a_format_that_lacks_only_its_end_is_finished_not_redone(void **state)
{
    (void)state;
    struct probe first CLEANUP_PROBE = {0}, second CLEANUP_PROBE = {0};
    int fd CLEANUP_CLOSE = image_new(16 * MIB);
    char *path CLEANUP_FREE = image_path(fd);
    assert_int_equal(makefs_if_blank(path, NULL, NULL, &first, NULL), 1);
    int before CLEANUP_CLOSE = copy_of(fd);

    struct formatmarker m = {.size = 16 * MIB};
    uint8_t sector[FORMATMARKER_SECTOR];
    image_read(fd, FORMATMARKER_COMMIT + 104, m.uuid, sizeof m.uuid);
    formatmarker_encode(&m, sector);
    image_write(fd, 0, sector, sizeof sector);
    assert_int_equal(makefs_if_blank(path, NULL, NULL, &second, NULL), 0);
    assert_string_equal(second.uuid, first.uuid);
    assert_true(image_same(fd, before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_disk_is_formatted_once),
        cmocka_unit_test(without_a_label_there_is_none),
        cmocka_unit_test(a_filesystem_stays_as_it_is),
        cmocka_unit_test(anything_else_stays_as_it_is_and_is_named),
        cmocka_unit_test(a_disk_too_small_is_said_to_be),
        cmocka_unit_test(a_disk_that_is_not_there_is_named),
        cmocka_unit_test(a_read_only_disk_is_used_if_it_holds_a_filesystem),
        cmocka_unit_test(a_format_that_lacks_only_its_end_is_finished_not_redone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
