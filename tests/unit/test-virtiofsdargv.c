/* SPDX-License-Identifier: MIT */
#include "host/run/virtiofsdargv.h"

#include "base/alloc.h"
#include "tests/unit/unit.h"

#define QEMUS "usage: virtiofsd [options]\n    -o source=PATH   shared directory tree\n"
#define OLD                                                                                        \
    "      --shared-dir <SHARED_DIR>\n      --log-level <L>\n      --cache <CACHE>\n"              \
    "      --announce-submounts\n"
#define NEW                                                                                        \
    OLD "      --no-announce-submounts\n      --readonly\n      --translate-uid <T>\n"             \
        "      --translate-gid <T>\n"

static const struct plan_server store = {
    .program = (char *)(uintptr_t) "/v", .read_only = true, .unchanging = true};
static const struct plan_server share = {.program = (char *)(uintptr_t) "/v", .announce = true};

static void each_program_gets_the_options_that_it_knows(void **state)
{
    static const struct {
        const char *help;
        uid_t user;
        gid_t group;
        bool unconfined;
        const struct plan_server *server;
        const char *expected;
    } cases[] = {
        {QEMUS, 0, 0, false, &store, "-f -o source=/a\\,b -o log_level=warn -o cache=always"},
        {QEMUS, 0, 0, false, &share, "-f -o source=/a\\,b -o log_level=warn -o announce_submounts"},
        {OLD, 7, 8, false, &store, "--shared-dir=/a,b --log-level=warn --cache=always"},
        {OLD, 7, 8, false, &share, "--shared-dir=/a,b --log-level=warn --announce-submounts"},
        {NEW, 0, 0, false, &store,
         "--shared-dir=/a,b --log-level=warn --readonly --cache=always --no-announce-submounts "
         "--translate-uid=host:65534:0:1 --translate-gid=host:65534:0:1"},
        {NEW, 7, 8, false, &share,
         "--shared-dir=/a,b --log-level=warn --announce-submounts --translate-uid=host:65534:0:1 "
         "--translate-uid=host:0:7:1 --translate-uid=squash-guest:0:0:4294967295 "
         "--translate-gid=host:65534:0:1 --translate-gid=host:0:8:1 "
         "--translate-gid=squash-guest:0:0:4294967295"},
        {NEW, 7, 8, true, &store,
         "--shared-dir=/a,b --log-level=warn --readonly --cache=always --no-announce-submounts "
         "--sandbox=none --translate-uid=host:65534:0:1 "
         "--translate-uid=squash-guest:0:7:4294967295 --translate-gid=host:65534:0:1 "
         "--translate-gid=squash-guest:0:8:4294967295"},
        /* root with another group, as of sudo -g */
        {NEW, 0, 8, false, &share,
         "--shared-dir=/a,b --log-level=warn --announce-submounts --translate-uid=host:65534:0:1 "
         "--translate-gid=host:65534:0:1"},
        /* an ordinary user with root's group */
        {NEW, 7, 0, false, &share,
         "--shared-dir=/a,b --log-level=warn --announce-submounts --translate-uid=host:65534:0:1 "
         "--translate-uid=host:0:7:1 --translate-uid=squash-guest:0:0:4294967295 "
         "--translate-gid=host:65534:0:1 --translate-gid=host:0:0:1 "
         "--translate-gid=squash-guest:0:0:4294967295"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const struct virtiofsdargv host = {cases[i].help, cases[i].user, cases[i].group,
                                           cases[i].unconfined};
        struct strv argv CLEANUP_STRV = {0};
        char *expected CLEANUP_FREE = xasprintf("/v --fd=0 %s", cases[i].expected);

        virtiofsdargv_build(&host, &argv, cases[i].server, "/a,b");
        char *line CLEANUP_FREE = strv_join(&argv, " ");
        assert_string_equal(line, expected);
        assert_int_equal(virtiofsdargv_is_qemus(&host), i < 2);
        assert_int_equal(virtiofsdargv_can_be_unconfined(&host), i > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_program_gets_the_options_that_it_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
