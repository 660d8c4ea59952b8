/* SPDX-License-Identifier: MIT */
#include "host/run/consoletail.h"

#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

static void add(struct consoletail *tail, const char *text)
{
    consoletail_add(tail, text, strlen(text));
}

static void the_last_lines_are_given(void **state)
{
    (void)state;
    struct consoletail tail = {0};
    char *nothing CLEANUP_FREE = consoletail_text(&tail, 3, "| ");
    assert_string_equal(nothing, "");
    add(&tail, "one\r\ntwo\n\n \t \nthr");
    add(&tail, "ee\nfour");
    char *text CLEANUP_FREE = consoletail_text(&tail, 3, "| ");
    assert_string_equal(text, "| two\n| three\n| four\n");
    consoletail_free(&tail);
}

static void however_much_there_was_before(void **state)
{
    (void)state;
    struct consoletail tail = {0};
    for (int i = 0; i < 3 * CONSOLETAIL_SIZE / 8; i++) {
        char *line CLEANUP_FREE = xasprintf("%07d\n", i);
        add(&tail, line);
    }
    char *text CLEANUP_FREE = consoletail_text(&tail, 2, "");
    assert_string_equal(text, "0024574\n0024575\n");
    consoletail_free(&tail);
}

static void nothing_reaches_the_terminal_but_text(void **state)
{
    (void)state;
    struct consoletail tail = {0};
    add(&tail, "\033c\033[?7l\033[2Ja\033[31;1mb\033]0;title\a\tc\x9b\xc3\xa4\x01\x7f\n");
    char *text CLEANUP_FREE = consoletail_text(&tail, 1, "");
    assert_string_equal(text, "ab0;title\tc???\n");
    consoletail_free(&tail);
    char *line CLEANUP_FREE = consoletail_clean("no\nway\033[1m\0!", 12);
    assert_string_equal(line, "no way!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_lines_are_given),
        cmocka_unit_test(however_much_there_was_before),
        cmocka_unit_test(nothing_reaches_the_terminal_but_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
