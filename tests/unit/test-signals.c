/* SPDX-License-Identifier: MIT */
#include "host/system/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

static void from_a_child(int number)
{
    pid_t child = fork();
    if (child == 0)
        _exit(kill(getppid(), number));
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void signals_that_come_together_are_one_request(void **state)
{
    (void)state;
    int64_t last = 0;
    signals_block();
    assert_int_equal(signals_take_request(&last), 0);
    (void)raise(SIGTERM);
    from_a_child(SIGTERM);
    assert_int_equal(signals_take_request(&last), SIGTERM);
    (void)raise(SIGTERM);
    from_a_child(SIGHUP);
    last = clock_milliseconds(); /* valgrind takes its time for a child */
    assert_int_equal(signals_take_request(&last), 0);
    assert_int_equal(signals_take_request(&last), 0);
    assert_true(signals_taken());
}

static void a_later_one_and_that_of_another_caller_are_requests(void **state)
{
    (void)state;
    int64_t last = 1, none = 0;
    (void)raise(SIGINT);
    assert_int_equal(signals_take_request(&last), SIGINT);
    (void)raise(SIGINT);
    assert_int_equal(signals_take_request(&none), SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_come_together_are_one_request),
        cmocka_unit_test(a_later_one_and_that_of_another_caller_are_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
