/* SPDX-License-Identifier: MIT */
#include "host/system/progress.h"

#include "base/alloc.h"
#include "host/system/statusline.h"
#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static void expect(enum progress_unit unit, uint64_t total, uint64_t done, int64_t milliseconds,
                   const char *line)
{
    const struct progress progress = {.what = "image", .unit = unit, .total = total};
    char *text CLEANUP_FREE = progress_format(&progress, done, milliseconds);
    assert_string_equal(text, line);
}

static void bytes_rate_and_time_left_are_shown(void **state)
{
    (void)state;
    expect(PROGRESS_BYTES, 400 * MIB, 100 * MIB, 500,
           "image: 100 of about 400 MiB, 200 MiB/s, 2 s left");
    expect(PROGRESS_BYTES, 400 * MIB, 0, 0, "image: 0 of about 400 MiB, 0 MiB/s");
}

static void what_is_not_known_is_not_shown(void **state)
{
    (void)state;
    expect(PROGRESS_BYTES, 0, 100 * MIB, 1000, "image: 100 MiB, 100 MiB/s");
    expect(PROGRESS_TIME, 0, 0, 2700, "image: 2 s");
}

static void more_than_expected_is_no_time_left(void **state)
{
    (void)state;
    expect(PROGRESS_BYTES, 90 * MIB, 100 * MIB, 1000, "image: 100 of about 90 MiB, 100 MiB/s");
}

static void items_are_counted(void **state)
{
    (void)state;
    expect(PROGRESS_ITEMS, 45, 12, 1000, "image: 12 of 45");
}

static void a_line_is_cut_to_the_width(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *fitting;
    } cases[] = {
        {"", 5, ""},           {"abcde", 5, "abcde"},  {"abcdef", 5, "ab..."},
        {"äöüßé", 5, "äöüßé"}, {"äöüßéx", 5, "äö..."}, {"abcdef", 2, ".."},
        {"abcdef", 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *fitting CLEANUP_FREE = statusline_fit(cases[i].text, cases[i].columns);
        assert_string_equal(fitting, cases[i].fitting);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_rate_and_time_left_are_shown),
        cmocka_unit_test(what_is_not_known_is_not_shown),
        cmocka_unit_test(more_than_expected_is_no_time_left),
        cmocka_unit_test(items_are_counted),
        cmocka_unit_test(a_line_is_cut_to_the_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
