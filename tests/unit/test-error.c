/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static void an_error_gathers_context_on_its_way_up(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(error_errno(&e, ENOENT, "open %s", "/x"), -ENOENT);
    assert_int_equal(error_context(&e, -ENOENT, "root=%s", "/x"), -ENOENT);
    assert_string_equal(e.message, "root=/x: open /x: No such file or directory");
    assert_int_equal(error_set(&e, -EINVAL, "anew"), -EINVAL);
    assert_string_equal(e.message, "anew");
    assert_int_equal(error_status(&e, -EINVAL, 65), -EINVAL);
    assert_int_equal(e.status, 65);
}

static void nobody_has_to_read_it(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, -EIO, "x"), -EIO);
    assert_int_equal(error_errno(NULL, EIO, "x"), -EIO);
    assert_int_equal(error_context(NULL, -EIO, "x"), -EIO);
    assert_int_equal(error_status(NULL, -EIO, 1), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_gathers_context_on_its_way_up),
        cmocka_unit_test(nobody_has_to_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
