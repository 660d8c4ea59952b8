/* SPDX-License-Identifier: MIT */
#include "host/system/message.h"

#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

static void what_is_long_keeps_its_beginning_and_its_end(void **state)
{
    static const struct {
        const char *text;
        size_t most;
        const char *clipped;
    } cases[] = {
        {"", 12, ""},
        {"0123456789ab", 12, "0123456789ab"},
        {"0123456789abc", 12, "012345...abc"},
        /* of two bytes, three and four, none of which is cut */
        {"01234é6789äbc", 12, "01234...bc"},
        {"0123456789a…", 12, "012345...…"},
        {"0😀56789abcdef", 12, "0😀5...def"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *clipped CLEANUP_FREE = message_clip(cases[i].text, cases[i].most);

        assert_string_equal(clipped, cases[i].clipped);
        assert_true(strlen(clipped) <= cases[i].most);
    }
}

static void nothing_in_a_message_is_for_the_terminal(void **state)
{
    static const struct {
        const char *text;
        const char *clean;
    } cases[] = {
        {"", ""},
        {"plain: \"text\",\n\tand tab", "plain: \"text\",\n\tand tab"},
        {"\033[2J\033]0;title\007", "\\x1b[2J\\x1b]0;title\\x07"},
        {"\r\b\x7f", "\\x0d\\x08\\x7f"},
        {"é ä … 😀", "é ä … 😀"},
        /* C1 as one byte and as UTF-8; bytes that are none; a character that is cut */
        {"\x9b"
         "2J",
         "\\x9b2J"},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xff\xc0\x80", "\\xff\\xc0\\x80"},
        {"\xf0\x9f", "\\xf0\\x9f"},
        {"\xe2\033[m", "\\xe2\\x1b[m"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *clean CLEANUP_FREE = message_clean(cases[i].text);

        assert_string_equal(clean, cases[i].clean);
    }
}

static void errors_and_warnings_are_painted_once(void **state)
{
    static const struct {
        enum log_level level;
        const char *text;
        const char *painted;
    } cases[] = {
        {LOG_LEVEL_ERROR, "x: bad", "\033[1;31merror: \033[0mx: bad"},
        {LOG_LEVEL_WARNING, "x: odd", "\033[1;33mwarning: \033[0mx: odd"},
        {LOG_LEVEL_WARNING, "warning: x", "\033[1;33mwarning: \033[0mx"},
        {LOG_LEVEL_INFO, "x", "x"},
        {LOG_LEVEL_DEBUG, "x", "x"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *painted CLEANUP_FREE = message_paint(cases[i].level, cases[i].text);

        assert_string_equal(painted, cases[i].painted);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_long_keeps_its_beginning_and_its_end),
        cmocka_unit_test(nothing_in_a_message_is_for_the_terminal),
        cmocka_unit_test(errors_and_warnings_are_painted_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
