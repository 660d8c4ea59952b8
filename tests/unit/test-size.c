/* SPDX-License-Identifier: MIT */
#include "host/config/size.h"

#include <inttypes.h>

#include "tests/unit/unit.h"

#define KIB UINT64_C(1024)

static void sizes_have_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"3", 3 * 7},
        {"2K", 2 * KIB},
        {"2k", 2 * KIB},
        {"2KiB", 2 * KIB},
        {"512M", 512 * KIB * KIB},
        {"4GiB", 4 * KIB * KIB * KIB},
        {"1T", KIB * KIB * KIB * KIB},
        {"1.5G", 1536 * KIB * KIB},
        {"0.25KiB", 256},
        {"1.0M", KIB * KIB},
        {"18014398509481983K", UINT64_MAX - 1023},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        uint64_t bytes = 1;

        assert_true(size_parse(cases[i].text, 7, &bytes));
        assert_int_equal(bytes, cases[i].bytes);
    }
}

static void other_texts_are_no_sizes(void **state)
{
    static const char *const texts[] = {
        "",
        "G",
        "-1",
        "+1",
        " 1",
        "1 G",
        "2X",
        "2GB",
        "2Gi",
        "2GiBs",
        "0x10",
        "1e3",
        "1.5",
        "1.",
        "1.G",
        ".5G",
        "1..5G",
        "1.5.5G",
        "0.1G",
        "1,5G",
        "1.5g5",
        "NaN",
        "1.5K5",
        "1iB",
        "1.5iB",
        "99999999T",
        "18446744073709551615",
        "18014398509481984K",
        "1.1234567G",
        "1.00000001K",
        "99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        uint64_t bytes;

        if (size_parse(texts[i], UINT64_C(1) << 20, &bytes))
            fail_msg("\"%s\" is read as %" PRIu64, texts[i], bytes);
    }
}

static void a_unit_can_be_required(void **state)
{
    uint64_t count = 0;

    (void)state;
    assert_true(size_in_units("1.5G", KIB * KIB, &count));
    assert_int_equal(count, 1536);
    assert_true(size_in_units("2048K", KIB * KIB, &count));
    assert_int_equal(count, 2);
    assert_false(size_in_units("2", KIB * KIB, &count));
    assert_false(size_in_units("1500K", KIB * KIB, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(other_texts_are_no_sizes),
        cmocka_unit_test(a_unit_can_be_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
