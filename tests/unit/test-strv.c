/* SPDX-License-Identifier: MIT */
#include "base/strv.h"

#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

static void a_list_grows_and_stays_ended_by_null(void **state)
{
    (void)state;
    struct strv list CLEANUP_STRV = {0};
    for (size_t i = 0; i < 1000; i++) {
        strv_pushf(&list, "%zu", i);
        assert_int_equal(list.count, i + 1);
        assert_null(list.items[list.count]);
    }
    assert_string_equal(list.items[999], "999");
    assert_true(strv_contains(&list, "500"));
    assert_false(strv_contains(&list, "1000"));
}

static void what_is_split_is_joined_again(void **state)
{
    (void)state;
    static const char *const texts[] = {"", ",", "a", "a,b", ",a,,b,"};
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        struct strv list CLEANUP_STRV = {0};
        strv_split(&list, texts[i], ',');
        char *joined CLEANUP_FREE = strv_join(&list, ",");
        assert_string_equal(joined, texts[i]);
    }
}

static void an_empty_list_is_an_empty_text(void **state)
{
    (void)state;
    struct strv list CLEANUP_STRV = {0};
    char *joined CLEANUP_FREE = strv_join(&list, ", ");
    assert_string_equal(joined, "");
    assert_false(strv_contains(&list, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_grows_and_stays_ended_by_null),
        cmocka_unit_test(what_is_split_is_joined_again),
        cmocka_unit_test(an_empty_list_is_an_empty_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
