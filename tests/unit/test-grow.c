/* SPDX-License-Identifier: MIT */
/* x-systemd.growfs. Growing itself needs a mount: root and a loop device here, a guest in
 * tests/boot. */
#include "init/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define MIB ((uint64_t)1024 * 1024)

static void only_ext4_grows(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(grow_mounted("/proc", &e), -EOPNOTSUPP);
    assert_string_equal(e.message, "/proc: cannot be grown: it is not an ext4 filesystem");
}

static void a_place_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(grow_mounted("/no/such/place", &e), -ENOENT);
    assert_error_names(e, "/no/such/place", "No such file or directory");
}

static uint64_t blocks_of(const char *where)
{
    struct statfs fs;
    assert_int_equal(statfs(where, &fs), 0);
    return fs.f_blocks;
}

struct mounted {
    int image;
    char *path;
    char *loop;
    char where[64];
};

static int start(void **state)
{
    struct mounted *m = xcalloc(1, sizeof *m);
    m->image = image_new(0);
    m->path = image_path(m->image);
    *state = m;
    return 0;
}

static int end(void **state)
{
    struct mounted *m = *state;
    if (*m->where) {
        (void)umount2(m->where, MNT_DETACH);
        (void)rmdir(m->where);
    }
    if (m->loop && *m->loop)
        (void)IMAGE_RUN("losetup", "--detach", m->loop);
    free(m->loop);
    free(m->path);
    (void)close(m->image);
    free(m);
    return 0;
}

/* Mounts a new ext4; skips the test where that is not allowed. */
static void mount_new(struct mounted *m, uint64_t size)
{
    assert_int_equal(ftruncate(m->image, (off_t)size), 0);
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", m->path), 0);
    const char *const argv[] = {"losetup", "--find", "--show", m->path, NULL};
    if (geteuid() != 0 || image_run(argv, &m->loop) != 0)
        skip();
    m->loop[strcspn(m->loop, "\n")] = '\0';
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(m->where, sizeof m->where, "%s/grow.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(m->where));
    if (mount(m->loop, m->where, "ext4", 0, NULL) != 0 || grow_mounted(m->where, NULL) == -EPERM)
        skip(); /* the kernel asks for CAP_SYS_RESOURCE */
}

static void grow(struct mounted *m, uint64_t size)
{
    struct error e CLEANUP_ERROR = {0};
    mount_new(m, size);
    uint64_t before = blocks_of(m->where);
    assert_int_equal(grow_mounted(m->where, &e), 0);
    assert_int_equal(blocks_of(m->where), before);

    assert_int_equal(ftruncate(m->image, (off_t)(3 * size)), 0);
    assert_int_equal(IMAGE_RUN("losetup", "--set-capacity", m->loop), 0);
    if (grow_mounted(m->where, &e) != 1)
        fail_msg("%s", e.message);
    assert_true(blocks_of(m->where) > before * 29 / 10);
    assert_int_equal(grow_mounted(m->where, &e), 0);

    assert_int_equal(umount(m->where), 0);
    assert_int_equal(IMAGE_RUN("e2fsck", "-fn", m->path), 0);
}

static void small_blocks_grow_to_the_device_and_then_no_more(void **state)
{
    grow(*state, 100 * MIB);
}

static void large_blocks_grow_to_the_device_and_then_no_more(void **state)
{
    grow(*state, 600 * MIB);
}

static void what_is_mounted_read_only_cannot_grow(void **state)
{
    struct mounted *m = *state;
    struct error e CLEANUP_ERROR = {0};
    mount_new(m, 8 * MIB);
    assert_int_equal(mount(NULL, m->where, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_int_equal(grow_mounted(m->where, &e), -EROFS);
    assert_error_names(e, m->where, "cannot be grown to the 8388608 bytes of its device");
}

#define WITH_MOUNT(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ext4_grows),
        cmocka_unit_test(a_place_that_is_not_there_is_named),
        WITH_MOUNT(small_blocks_grow_to_the_device_and_then_no_more),
        WITH_MOUNT(large_blocks_grow_to_the_device_and_then_no_more),
        WITH_MOUNT(what_is_mounted_read_only_cannot_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
