/* SPDX-License-Identifier: MIT */
#include "host/commands/here.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static void a_directory_that_would_hide_the_guests_system_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool allowed;
    } cases[] = {
        {"/", false},
        {"/usr", false},
        {"/usr/lib/gcc", false},
        {"/usr/src/linux", true},
        {"/usr/srcs", false},
        {"/etc", false},
        {"/etc/nixos", true},
        {"/etc/ssl", false},
        {"/home", true},
        {"/home/ann/usr", true},
        {"/root", true},
        {"/tmp", false},
        {"/tmp/x", true},
        {"/var", false},
        {"/var/lib", false},
        {"/var/lib/build", true},
        {"/var/tmp", false},
        {"/var/tmp/x", true},
        {"/dev/shm/x", false},
        {"/run/user/1000", false},
        {"/nix/store", false},
        {"/lib", false},
        {"/library", true},
        {"/srv/a b", true},
        {"/proc/1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error e CLEANUP_ERROR = {0};
        int r = here_check(cases[i].path, &e);
        if (r != (cases[i].allowed ? 0 : -EINVAL))
            fail_msg("%s: %d", cases[i].path, r);
        assert_true(cases[i].allowed || strstr(e.message, cases[i].path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_that_would_hide_the_guests_system_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
