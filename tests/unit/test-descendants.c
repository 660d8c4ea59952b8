/* SPDX-License-Identifier: MIT */
/* The processes of a session: all that descend from its server, and no others. */
#include "init/exec/descendants.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/unit.h"

static void descendants_are_marked_in_any_order(void **state)
{
    (void)state;
    struct descendant all[] = {
        {.pid = 9, .parent = 8},  {.pid = 8, .parent = 7},   {.pid = 7, .parent = 5},
        {.pid = 5, .parent = 1},  {.pid = 6, .parent = 1},   {.pid = 10, .parent = 6},
        {.pid = 11, .parent = 5}, {.pid = 12, .parent = 12},
    };
    descendants_mark(all, ELEMENTS(all), 5);
    const bool expected[ELEMENTS(all)] = {true, true, true, false, false, false, true, false};
    for (size_t i = 0; i < ELEMENTS(all); i++)
        assert_int_equal(all[i].ours, expected[i]);
}

static void a_process_without_children_has_no_descendants(void **state)
{
    (void)state;
    assert_int_equal(descendants_kill(0), 0);
}

static void grandchildren_are_killed(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!write(ends[1], "x", fork() >= 0);
        (void)pause();
        _exit(0);
    }
    char byte[2];
    (void)close(ends[1]);
    for (int got = 0; got < 2; got++)
        assert_int_equal(read(ends[0], byte, 1), 1);
    assert_int_equal(descendants_kill(SIGKILL), 2);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(read(ends[0], byte, 1), 0); /* all that had the pipe are gone */
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descendants_are_marked_in_any_order),
        cmocka_unit_test(a_process_without_children_has_no_descendants),
        cmocka_unit_test(grandchildren_are_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
