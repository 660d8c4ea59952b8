/* SPDX-License-Identifier: MIT */
#include "init/exec/user.h"

#include <errno.h>

#include "tests/unit/unit.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
                             "# a comment: is no entry\n"
                             "short:x:7\n"
                             "build:x:1000:100:,,,:/home/build:\n"
                             "0100:x:1001:1001:a name of digits:/home/digits:/bin/sh\n"
                             "odd:x:1002:many::/:/bin/sh\n"
                             "last:x:1003:1003::/last:/bin/zsh";
static const char group[] = "root:x:0:\nkvm:x:104:ann,build\nusers:x:100:\n"
                            "builders:x:105:builder\nwheel:x:10:build";

static void a_user_has_its_home_and_groups(void **state)
{
    (void)state;
    struct user user CLEANUP_USER = {0};
    assert_int_equal(user_find(&user, "build", passwd, group, NULL), 0);
    assert_int_equal(user.uid, 1000);
    assert_int_equal(user.gid, 100);
    assert_string_equal(user.name, "build");
    assert_string_equal(user.home, "/home/build");
    assert_string_equal(user.shell, "/bin/sh"); /* passwd(5): an empty one */
    assert_int_equal(user.group_count, 2);
    assert_int_equal(user.groups[0], 104);
    assert_int_equal(user.groups[1], 10);
}

static void numbers_and_given_groups(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        unsigned int uid;
        unsigned int gid;
        const char *name;
    } cases[] = {
        {"1000", 1000, 100, "build"},        {"01000", 1000, 100, "build"},
        {"0100", 1001, 1001, "0100"},        {"build:kvm", 1000, 104, "build"},
        {"build:4000", 1000, 4000, "build"}, {"4000", 4000, 0, NULL},
        {"4000:users", 4000, 100, NULL},     {"last", 1003, 1003, "last"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct user user CLEANUP_USER = {0};
        assert_int_equal(user_find(&user, cases[i].spec, passwd, group, NULL), 0);
        assert_int_equal(user.uid, cases[i].uid);
        assert_int_equal(user.gid, cases[i].gid);
        assert_true(!user.name == !cases[i].name);
        if (user.name)
            assert_string_equal(user.name, cases[i].name);
        else
            assert_string_equal(user.home, "/");
    }
}

static void a_user_or_group_that_there_is_not_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *reason;
    } cases[] = {
        {"nobody", "nobody: the guest has no such user (/etc/passwd)"},
        {"short", "short: the guest has no such user (/etc/passwd)"},
        {"4294967295", "4294967295: the guest has no such user (/etc/passwd)"},
        {"-1", "-1: the guest has no such user (/etc/passwd)"},
        {"odd", "odd: /etc/passwd of the guest has no valid group for it"},
        {"build:disk", "disk: the guest has no such group (/etc/group)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct user user CLEANUP_USER = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(user_find(&user, cases[i].spec, passwd, group, &e), -ENOENT);
        assert_string_equal(e.message, cases[i].reason);
    }
}

static void a_root_without_the_files_has_numbers(void **state)
{
    (void)state;
    struct user user CLEANUP_USER = {0};
    assert_int_equal(user_find(&user, "5:6", "", "", NULL), 0);
    assert_int_equal(user.uid, 5);
    assert_int_equal(user.gid, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_its_home_and_groups),
        cmocka_unit_test(numbers_and_given_groups),
        cmocka_unit_test(a_user_or_group_that_there_is_not_is_named),
        cmocka_unit_test(a_root_without_the_files_has_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
