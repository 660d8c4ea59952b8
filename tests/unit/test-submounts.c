/* SPDX-License-Identifier: MIT */
#include "host/system/submounts.h"

#include <string.h>

#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void mounts_below_a_directory_are_listed_outer_ones_first(void **state)
{
    struct strv all CLEANUP_STRV = {0};
    struct strv below CLEANUP_STRV = {0};

    (void)state;
    assert_true(submounts_list(&all, "/", 100000));
    assert_true(strv_contains(&all, "/proc"));
    for (size_t i = 1; i < all.count; i++)
        assert_true(strcmp(all.items[i - 1], all.items[i]) < 0);
    assert_true(submounts_list(&below, "/dev/", 100000));
    assert_true(strv_contains(&below, "/pts"));
    assert_false(strv_contains(&below, "/"));
}

static void no_more_are_listed_than_are_wanted(void **state)
{
    struct strv two CLEANUP_STRV = {0};

    (void)state;
    assert_false(submounts_list(&two, "/", 2));
    assert_int_equal(two.count, 2);
}

static void a_directory_without_mounts_has_none_and_neither_has_a_missing_one(void **state)
{
    struct strv none CLEANUP_STRV = {0};
    char *scratch CLEANUP_SCRATCH = scratch_new();

    (void)state;
    assert_true(submounts_list(&none, scratch, 0));
    assert_true(submounts_list(&none, "/nowhere/at/all", 0));
    assert_int_equal(none.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mounts_below_a_directory_are_listed_outer_ones_first),
        cmocka_unit_test(no_more_are_listed_than_are_wanted),
        cmocka_unit_test(a_directory_without_mounts_has_none_and_neither_has_a_missing_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
