/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "tests/unit/unit.h"

static void special_bytes_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *special;
        enum text_escape how;
        const char *escaped;
    } cases[] = {
        {"", ",", TEXT_DOUBLED, ""},
        {",a,,b", ",", TEXT_DOUBLED, ",,a,,,,b"},
        {"a\n\303\244,", ",", TEXT_DOUBLED, "a\n\303\244,,"},
        {"a:b,c\\d", ":,\\", TEXT_BACKSLASH, "a\\:b\\,c\\\\d"},
        {"a\303\244", ":", TEXT_BACKSLASH, "a\303\244"},
        {"a b:c", " :", TEXT_OCTAL, "a\\040b\\072c"},
        {"a b", ":", TEXT_OCTAL, "a b"},
        {"\033\177\303\244~", "", TEXT_OCTAL, "\\033\\177\\303\\244~"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *escaped CLEANUP_FREE = text_escape(cases[i].text, cases[i].special, cases[i].how);
        assert_string_equal(escaped, cases[i].escaped);
    }
}

static void the_last_part_is_found(void **state)
{
    (void)state;
    assert_string_equal(text_after_last("/a/b", '/'), "b");
    assert_string_equal(text_after_last("b", '/'), "b");
    assert_string_equal(text_after_last("a/", '/'), "");
}

static void a_formatted_text_may_be_of_any_length(void **state)
{
    (void)state;
    for (int width = 250; width < 260; width++) {
        char *text CLEANUP_FREE = xasprintf("%*s", width, "x");
        assert_int_equal(strlen(text), width);
        assert_int_equal(text[width - 1], 'x');
    }
}

static void a_number_is_digits_alone(void **state)
{
    static const char *const none[] = {
        "", "-1", "+1", " 1", "1 ", "0x1", "1k", "256", "99999999999999999999"};
    uint64_t number = 7;
    (void)state;
    for (size_t i = 0; i < ELEMENTS(none); i++)
        assert_false(text_number(none[i], 255, &number));
    assert_int_equal(number, 7);
    assert_true(text_number("0255", 255, &number));
    assert_int_equal(number, 255);
}

static void a_suffix_is_the_end(void **state)
{
    (void)state;
    assert_true(endswith("a.ko", ".ko"));
    assert_true(endswith("a", ""));
    assert_false(endswith("ko", ".ko"));
    assert_false(endswith("a.ko ", ".ko"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_bytes_are_escaped),
        cmocka_unit_test(the_last_part_is_found),
        cmocka_unit_test(a_formatted_text_may_be_of_any_length),
        cmocka_unit_test(a_number_is_digits_alone),
        cmocka_unit_test(a_suffix_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
