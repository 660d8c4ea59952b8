/* SPDX-License-Identifier: MIT */
#include "host/system/path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void make_directory(const char *scratch, const char *name)
{
    char *path CLEANUP_FREE = scratch_path(scratch, name);

    assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const char *scratch, const char *target, const char *name)
{
    char *path CLEANUP_FREE = scratch_path(scratch, name);

    assert_int_equal(symlink(target, path), 0);
}

static void relative_paths_are_the_callers(void **state)
{
    static const struct {
        const char *cwd, *path, *absolute;
    } cases[] = {
        {"/a", "b", "/a/b"},     {"/a", "/b", "/b"}, {"/a", "./b/./c", "/a/b/./c"},
        {"/a", ".//b", "/a/b"},  {"/", "b", "/b"},   {"/a", "../b", "/a/../b"},
        {"/a", "~/b", "/a/~/b"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *absolute CLEANUP_FREE = path_absolute(cases[i].cwd, cases[i].path);

        assert_string_equal(absolute, cases[i].absolute);
    }
}

static void the_last_component_need_not_exist(void **state)
{
    static const struct {
        const char *path, *resolved; /* after the directory */
    } cases[] = {
        {"new", "/new"},        {"d/new", "/d/new"},
        {"link/new", "/d/new"}, {"dangling", "/d/target"},
        {"twice", "/d/target"}, {"file", "/file"},
        {"d/../new", "/new"},   {"d", "/d"},
        {"new/", "/new"},       {"absolute", "/d/target"},
    };
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *real CLEANUP_FREE = realpath(scratch, NULL);
    char *target CLEANUP_FREE = xasprintf("%s/d/target", real);

    (void)state;
    make_directory(scratch, "d");
    scratch_write(scratch, "file", "");
    make_link(scratch, "d", "link");
    make_link(scratch, "d/target", "dangling");
    make_link(scratch, "dangling", "twice");
    make_link(scratch, target, "absolute");
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *resolved CLEANUP_FREE = NULL;

        assert_int_equal(path_resolve(&resolved, scratch, cases[i].path, NULL), 0);
        assert_string_equal(resolved + strlen(real), cases[i].resolved);
    }
}

static void all_others_must_exist(void **state)
{
    static const struct {
        const char *path;
        int code;
    } cases[] = {
        {"", -ENOENT},      {"no/such", -ENOENT},    {"file/x", -ENOTDIR}, {"loop", -ELOOP},
        {"loop/x", -ELOOP}, {"to-nothing", -ENOENT}, {"~/x", -ENOENT},
    };
    char *scratch CLEANUP_SCRATCH = scratch_new();

    (void)state;
    scratch_write(scratch, "file", "");
    make_link(scratch, "loop", "loop");
    make_link(scratch, "no/such", "to-nothing");
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *resolved CLEANUP_FREE = NULL;
        struct error e CLEANUP_ERROR = {0};

        assert_int_equal(path_resolve(&resolved, scratch, cases[i].path, &e), cases[i].code);
        assert_null(resolved);
        assert_non_null(e.message);
    }
}

static void links_of_a_store_stay_inside_it(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *found CLEANUP_FREE = NULL;
    char *missing CLEANUP_FREE = NULL;
    char *plain CLEANUP_FREE = NULL;
    struct error e CLEANUP_ERROR = {0};

    (void)state;
    make_directory(scratch, "nix");
    make_directory(scratch, "nix/store");
    scratch_write(scratch, "nix/store/file", "");
    make_link(scratch, "/nix/store/file", "nix/store/link");
    make_link(scratch, "/../../../nix/store/link", "nix/store/escape");
    assert_int_equal(path_in_prefix(&found, scratch, "/nix/store/escape", &e), 0);
    assert_string_equal(found + strlen(scratch), "/nix/store/file");
    assert_int_equal(path_in_prefix(&missing, scratch, "/nix/store/none", &e), -ENOENT);
    assert_error_names(e, "/nix/store/none", scratch);
    assert_int_equal(path_in_prefix(&plain, "", "/no/such", &e), 0);
    assert_string_equal(plain, "/no/such");
}

static void spellings_of_one_path_are_the_same(void **state)
{
    (void)state;
    assert_true(path_is_same("/tmp/a", "/tmp/a"));
    assert_true(path_is_same("/tmp/a", "/tmp//./a/"));
    assert_true(path_is_same("/", "//."));
    assert_false(path_is_same("/tmp/a", "/tmp/a/b"));
    assert_false(path_is_same("/tmp/a", "/tmp/ab"));
    assert_false(path_is_same("/tmp/a", "/tmp/b/../a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_paths_are_the_callers),
        cmocka_unit_test(the_last_component_need_not_exist),
        cmocka_unit_test(all_others_must_exist),
        cmocka_unit_test(links_of_a_store_stay_inside_it),
        cmocka_unit_test(spellings_of_one_path_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
