/* SPDX-License-Identifier: MIT */
#include "host/system/subids.h"

#include <stdint.h>

#include "tests/unit/unit.h"

static void the_first_valid_range_of_the_user_is_found(void **state)
{
    static const struct {
        const char *text;
        struct subids expected;
    } cases[] = {
        {"ann:100000:65536\nbob:165536:65536\n", {165536, 65536}},
        {"1234:7:8\nbob:9:10", {7, 8}},
        {"bobby:1:2\n12345:3:4\n", {0, 0}},
        {"bob:0:10\nbob:4000000000:4000000000\nbob:x:1\nbob:1\nbob\nbob:5:6:7\nbob:20:30\n",
         {20, 30}},
        {"", {0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct subids found = subids_find(cases[i].text, 1234, "bob");

        assert_int_equal(found.first, cases[i].expected.first);
        assert_int_equal(found.count, cases[i].expected.count);
    }
    assert_int_equal(subids_find("bob:1:2\n", 1234, NULL).count, 0);
    assert_int_equal(subids_read("/nowhere", 1234).count, 0);
}

static void a_range_contains_its_numbers_only(void **state)
{
    const struct subids ids = {10, 5};

    (void)state;
    assert_false(subids_contain(&ids, 9));
    assert_true(subids_contain(&ids, 10));
    assert_true(subids_contain(&ids, 14));
    assert_false(subids_contain(&ids, 15));
    assert_false(subids_contain(&(struct subids){0}, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_valid_range_of_the_user_is_found),
        cmocka_unit_test(a_range_contains_its_numbers_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
