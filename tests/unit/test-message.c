/* SPDX-License-Identifier: MIT */
#include "host/message.h"

#include <string.h>

#include "common/alloc.h"
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_long_keeps_its_beginning_and_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
