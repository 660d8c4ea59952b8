/* SPDX-License-Identifier: MIT */
#include "host/store/progress.h"

#include "tests/unit/unit.h"

#define MIB (UINT64_C(1) << 20)

static void expect(uint64_t total, uint64_t done, int64_t milliseconds, const char *line)
{
    const struct progress progress = {.what = "store image", .total = total};
    char *text CLEANUP_FREE = progress_format(&progress, done, milliseconds);
    assert_string_equal(text, line);
}

static void bytes_rate_and_time_left_are_shown(void **state)
{
    (void)state;
    expect(400 * MIB, 100 * MIB, 500, "store image: 100 of about 400 MiB, 200 MiB/s, 2 s left");
    expect(400 * MIB, 0, 0, "store image: 0 of about 400 MiB, 0 MiB/s");
}

static void what_is_not_known_is_not_shown(void **state)
{
    (void)state;
    expect(0, 100 * MIB, 1000, "store image: 100 MiB, 100 MiB/s");
}

static void more_than_expected_is_no_time_left(void **state)
{
    (void)state;
    expect(90 * MIB, 100 * MIB, 1000, "store image: 100 of about 90 MiB, 100 MiB/s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_rate_and_time_left_are_shown),
        cmocka_unit_test(what_is_not_known_is_not_shown),
        cmocka_unit_test(more_than_expected_is_no_time_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
