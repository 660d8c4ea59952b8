/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static void a_text_is_formatted_as_printf_does(void **state)
{
    (void)state;
    char *const made[] = {
        xasprintf("text"),       xasprintf("%s", ""),        xasprintf("%s/%s.ko", "a", "b"),
        xasprintf("%s%%", "9"),  xasprintf("%s=%d", "n", 7), xasprintf("%.*s", 2, "abc"),
        xasprintf("%-4s|", "a"),
    };
    static const char *const expected[] = {"text", "", "a/b.ko", "9%", "n=7", "ab", "a   |"};
    for (size_t i = 0; i < ELEMENTS(made); i++) {
        assert_string_equal(made[i], expected[i]);
        free(made[i]);
    }
}

static void a_text_of_any_length_is_whole(void **state)
{
    (void)state;
    char word[600] = "";
    for (size_t length = 0; length + 1 < sizeof word; length++) {
        char *text CLEANUP_FREE = xasprintf("%s.%s", word, word);
        assert_int_equal(strlen(text), 2 * length + 1);
        assert_memory_equal(text, word, length);
        assert_int_equal(text[length], '.');
        assert_string_equal(text + length + 1, word);
        word[length] = (char)('a' + length % 26);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_formatted_as_printf_does),
        cmocka_unit_test(a_text_of_any_length_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
