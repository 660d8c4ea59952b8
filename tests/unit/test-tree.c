/* SPDX-License-Identifier: MIT */
#include "host/system/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void missing_parents_are_made(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "a b/c,d/e");
    assert_int_equal(tree_make(path, 0700, NULL), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(tree_make(path, 0755, NULL), 0);
}

static void a_file_in_the_way_is_an_error(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    scratch_write(scratch, "file", "");
    char *path CLEANUP_FREE = scratch_path(scratch, "file");
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(tree_make(path, 0700, &e), -ENOTDIR);
    assert_non_null(strstr(e.message, path));
}

static void a_link_is_removed_and_not_what_it_points_to(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *tree CLEANUP_FREE = scratch_path(scratch, "tree");
    char *deep CLEANUP_FREE = scratch_path(tree, "x/y/z");
    char *outside CLEANUP_FREE = scratch_path(scratch, "outside");
    char *link CLEANUP_FREE = scratch_path(tree, "x/link");
    assert_int_equal(tree_make(deep, 0700, NULL), 0);
    assert_int_equal(tree_make(outside, 0700, NULL), 0);
    scratch_write(outside, "precious", "kept");
    scratch_write(deep, "file", "");
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(chmod(deep, 0500), 0);
    assert_int_equal(tree_remove(tree, NULL), 0);
    assert_int_not_equal(access(tree, F_OK), 0);
    char *kept CLEANUP_FREE = scratch_read(outside, "precious");
    assert_string_equal(kept, "kept");
}

static void a_link_in_place_of_the_tree_is_not_followed(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *outside CLEANUP_FREE = scratch_path(scratch, "outside");
    char *link CLEANUP_FREE = scratch_path(scratch, "link");
    assert_int_equal(tree_make(outside, 0700, NULL), 0);
    scratch_write(outside, "precious", "kept");
    assert_int_equal(symlink(outside, link), 0);
    assert_true(tree_remove(link, NULL) < 0);
    char *kept CLEANUP_FREE = scratch_read(outside, "precious");
    assert_string_equal(kept, "kept");
}

/* Runs in a mount namespace of its own; returns 0 on success. */
static int try_with_a_mount(const char *tree, const char *inside, const char *outside)
{
    if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) < 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(outside, inside, "none", MS_BIND, NULL) < 0) /* valgrind wants a type */
        return 2;
    struct error e CLEANUP_ERROR = {0};
    if (tree_remove(tree, &e) != -EXDEV || !strstr(e.message, inside))
        return 3;
    char *kept CLEANUP_FREE = scratch_read(outside, "precious");
    return kept && streq(kept, "kept") ? 0 : 4;
}

static void what_is_mounted_inside_is_left_alone(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *tree CLEANUP_FREE = scratch_path(scratch, "tree");
    char *inside CLEANUP_FREE = scratch_path(tree, "mounted");
    char *outside CLEANUP_FREE = scratch_path(scratch, "outside");
    assert_int_equal(tree_make(inside, 0700, NULL), 0);
    assert_int_equal(tree_make(outside, 0700, NULL), 0);
    scratch_write(outside, "precious", "kept");
    pid_t child = fork();
    if (child == 0) {
        int result = try_with_a_mount(tree, inside, outside);
        free(outside); /* else valgrind reports it as lost */
        free(inside);
        free(tree);
        free(scratch);
        _exit(result);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A tree that a guest may leave in a share, deeper than the limit on descriptors. */
static void a_tree_of_any_depth_is_removed(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *tree CLEANUP_FREE = scratch_path(scratch, "tree");
    assert_int_equal(mkdir(tree, 0700), 0);
    int directory = open(tree, O_PATH | O_CLOEXEC);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(mkdirat(directory, "d", 0700), 0);
        int next = openat(directory, "d", O_PATH | O_CLOEXEC);
        assert_true(next >= 0);
        (void)close(directory);
        directory = next;
    }
    (void)close(directory);
    assert_int_equal(tree_remove(tree, NULL), 0);
    assert_int_equal(access(tree, F_OK), -1);
}

static void nothing_is_removed_already(void **state)
{
    (void)state;
    assert_int_equal(tree_remove("/nowhere/at/all", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_parents_are_made),
        cmocka_unit_test(a_file_in_the_way_is_an_error),
        cmocka_unit_test(a_link_is_removed_and_not_what_it_points_to),
        cmocka_unit_test(a_link_in_place_of_the_tree_is_not_followed),
        cmocka_unit_test(what_is_mounted_inside_is_left_alone),
        cmocka_unit_test(a_tree_of_any_depth_is_removed),
        cmocka_unit_test(nothing_is_removed_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
