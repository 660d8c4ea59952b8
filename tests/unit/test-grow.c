/* SPDX-License-Identifier: MIT */
/* Filesystems that x-systemd.growfs refuses. Growing itself is tested in a guest
 * (tests/boot/guest-mounts.bats): many machines do not let even root resize a filesystem. */
#include "init/format/grow.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static void only_ext4_grows(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(grow_mounted("/proc", &e), -EOPNOTSUPP);
    assert_string_equal(e.message, "/proc: cannot be grown: it is not an ext4 filesystem");
}

static void a_place_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(grow_mounted("/no/such/place", &e), -ENOENT);
    assert_error_names(e, "/no/such/place", "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ext4_grows),
        cmocka_unit_test(a_place_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
