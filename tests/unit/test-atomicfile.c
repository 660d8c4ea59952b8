/* SPDX-License-Identifier: MIT */
/* A file that appears under its name is on the disk by then: the calls that say so, in their order.
 */
#include "host/system/atomicfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static struct {
    const char *watched; /* the name that the file is to have */
    ino_t synced;        /* the last file that was */
    bool early;          /* it had no name yet */
} disk;

/* Stands before the C library's. */
int fsync(int fd)
{
    struct stat st;
    if (fstat(fd, &st) == 0)
        disk.synced = st.st_ino;
    disk.early = disk.watched && access(disk.watched, F_OK) < 0;
    return (int)syscall(SYS_fsync, fd);
}

static void a_file_is_on_the_disk_before_it_has_its_name(void **state)
{
    (void)state;
    static const bool replaces[] = {false, true};
    for (size_t i = 0; i < ELEMENTS(replaces); i++) {
        char *scratch CLEANUP_SCRATCH = scratch_new();
        char *source CLEANUP_FREE = scratch_path(scratch, "source");
        char *path CLEANUP_FREE = scratch_path(scratch, "file");
        struct stat st;
        scratch_write(scratch, "source", "content");
        memset(&disk, 0, sizeof disk);
        disk.watched = path;
        assert_int_equal(atomicfile_copy(source, path, replaces[i], NULL), 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(disk.synced, st.st_ino);
        assert_true(disk.early);
        disk.watched = NULL;
    }
}

static void what_is_there_is_not_replaced_unasked(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *source CLEANUP_FREE = scratch_path(scratch, "source");
    char *path CLEANUP_FREE = scratch_path(scratch, "file");
    scratch_write(scratch, "source", "new");
    scratch_write(scratch, "file", "old");
    assert_int_equal(atomicfile_copy(source, path, false, NULL), 0);
    assert_int_equal(atomicfile_commit(source, path, false, NULL), -EEXIST);
    char *text CLEANUP_FREE = scratch_read(scratch, "file");
    assert_string_equal(text, "old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_on_the_disk_before_it_has_its_name),
        cmocka_unit_test(what_is_there_is_not_replaced_unasked),
    };
    return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
