/* SPDX-License-Identifier: MIT */
#include "host/plan/guestcommand.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "common/frame.h"
#include "tests/unit/unit.h"

#define CLEANUP_COMMAND CLEANUP(guestcommand_free)

static char home[] = "HOME=/home/ann";
static char language[] = "LANG=C.UTF-8";
static char empty[] = "EMPTY=";
static char *const environment[] = {home, language, empty, NULL};

static void variables_have_their_own_value_or_the_callers(void **state)
{
    (void)state;
    struct guestcommand given CLEANUP_COMMAND = {0};
    struct guestcommand resolved CLEANUP_COMMAND = {0};
    strv_push(&given.arguments, "env");
    static const char *const variables[] = {"A=1", "LANG", "EMPTY", "UNSET", "LAN", "B="};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        strv_push(&given.variables, variables[i]);
    assert_int_equal(guestcommand_resolve(&resolved, &given, environment, NULL), 0);
    char *all CLEANUP_FREE = strv_join(&resolved.variables, " ");
    assert_string_equal(all, "A=1 LANG=C.UTF-8 EMPTY= B=");
}

static void a_request_that_no_guest_can_serve_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *directory;
        const char *user;
        const char *variable;
        const char *reason;
    } cases[] = {
        {"src", NULL, NULL, "--cwd: is \"src\", expected an absolute path in the guest"},
        {NULL, "", NULL, "--user: is \"\", expected NAME[:GROUP] or UID[:GID] of the guest"},
        {NULL, "a:", NULL, "--user: is \"a:\", expected NAME[:GROUP] or UID[:GID] of the guest"},
        {NULL, ":b", NULL, "--user: is \":b\", expected NAME[:GROUP] or UID[:GID] of the guest"},
        {NULL, "a:b:c", NULL,
         "--user: is \"a:b:c\", expected NAME[:GROUP] or UID[:GID] of the guest"},
        {NULL, NULL, "=1", "--env: \"=1\" has no name, expected NAME=VALUE or NAME"},
        {NULL, NULL, "", "--env: \"\" has no name, expected NAME=VALUE or NAME"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guestcommand given CLEANUP_COMMAND = {.directory = xstrdup(cases[i].directory),
                                                     .user = xstrdup(cases[i].user)};
        struct guestcommand resolved CLEANUP_COMMAND = {0};
        struct error e CLEANUP_ERROR = {0};
        if (cases[i].variable)
            strv_push(&given.variables, cases[i].variable);
        assert_int_equal(guestcommand_resolve(&resolved, &given, environment, &e), -EINVAL);
        assert_string_equal(e.message, cases[i].reason);
    }
}

static void an_argument_longer_than_linux_takes_is_refused(void **state)
{
    (void)state;
    struct guestcommand given CLEANUP_COMMAND = {0};
    struct guestcommand resolved CLEANUP_COMMAND = {0};
    struct error e CLEANUP_ERROR = {0};
    char *longest = xcalloc(FRAME_MAX + 1, 1);
    (void)memset(longest, 'a', FRAME_MAX);
    strv_push(&given.arguments, "echo");
    strv_take(&given.arguments, longest);
    assert_int_equal(guestcommand_resolve(&resolved, &given, environment, &e), -EINVAL);
    assert_non_null(strstr(e.message, "--exec: argument 1 is 131072 bytes long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_have_their_own_value_or_the_callers),
        cmocka_unit_test(a_request_that_no_guest_can_serve_is_refused),
        cmocka_unit_test(an_argument_longer_than_linux_takes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
