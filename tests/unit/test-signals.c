/* SPDX-License-Identifier: MIT */
#include "host/system/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void a_signal_that_comes_twice_is_one_request(void **state)
{
    (void)state;
    signals_block();
    assert_int_equal(signals_take_request(), 0);
    (void)raise(SIGTERM);
    assert_int_equal(signals_take_request(), SIGTERM);
    (void)raise(SIGTERM);
    assert_int_equal(signals_take_request(), 0);
    assert_true(signals_taken());
}

static void another_sender_makes_another_request(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(kill(getppid(), SIGTERM));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(signals_take_request(), SIGTERM);
}

/* Of those that are pending the kernel gives the lowest number first. */
static void the_signals_of_two_senders_that_come_together_are_two_requests(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(kill(getppid(), SIGINT));
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)kill(getpid(), SIGQUIT);
    (void)kill(getpid(), SIGTERM);
    assert_int_equal(signals_take_request(), SIGINT);
    assert_int_equal(signals_take_request(), SIGQUIT);
    assert_int_equal(signals_take_request(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_that_comes_twice_is_one_request),
        cmocka_unit_test(another_sender_makes_another_request),
        cmocka_unit_test(the_signals_of_two_senders_that_come_together_are_two_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
