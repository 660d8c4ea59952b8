/* SPDX-License-Identifier: MIT */
/* run-vm's end of the channel against guests that do what no guest of ours does. In QEMU's place
 * this program itself is started, as the guest that its argument names. */
#include "host/run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "common/channel.h"
#include "host/system/message.h"
#include "host/system/signals.h"
#include "tests/unit/hostileguest.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct outcome {
    int result;
    struct error e;
    char *output; /* what came out of standard output */
};

static void free_outcome(struct outcome *outcome)
{
    error_free(&outcome->e);
    free(outcome->output);
}

#define CLEANUP_OUTCOME CLEANUP(free_outcome)

static char *own_path;

static struct outcome run_within(int powerdown, const char *guest)
{
    const struct supervise_limits limits = {.powerdown = powerdown, .quit = 100};
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *output CLEANUP_FREE = scratch_path(scratch, "output");
    struct plan plan = {.cwd = scratch, .exec_socket = scratch_path(scratch, HOSTILEGUEST_SOCKET)};
    struct session_streams streams = {
        .input = open("/dev/zero", O_RDONLY | O_CLOEXEC),
        .output = open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
        .errors = open("/dev/null", O_WRONLY | O_CLOEXEC),
    };
    struct outcome outcome = {0};
    strv_push(&plan.argv, own_path);
    strv_push(&plan.argv, guest);
    strv_push(&plan.exec.arguments, "true");
    outcome.result = exec_run(&plan, NULL, &limits, NULL, &streams, &outcome.e);
    outcome.output = scratch_read(scratch, "output");
    (void)close(streams.input);
    (void)close(streams.output);
    (void)close(streams.errors);
    strv_free(&plan.argv);
    strv_free(&plan.exec.arguments);
    free(plan.exec_socket);
    return outcome;
}

static struct outcome run(const char *guest)
{
    return run_within(100, guest);
}

static void assert_not_run(const struct outcome *outcome)
{
    assert_true(outcome->result < 0);
    assert_int_equal(outcome->e.status, STATUS_EXEC_FAILED);
}

static void a_guest_without_a_word_is_a_failure(void **state)
{
    (void)state;
    struct outcome outcome CLEANUP_OUTCOME = run("says-nothing");
    assert_not_run(&outcome);
    assert_error_names(outcome.e, "true", "QEMU exited");
}

static void the_guests_reason_is_given_as_text(void **state)
{
    (void)state;
    struct outcome outcome CLEANUP_OUTCOME = run("fails");
    assert_not_run(&outcome);
    assert_error_names(outcome.e, "the root is not there");
}

static void a_guest_that_breaks_the_rules_is_ended(void **state)
{
    (void)state;
    static const char *const wrong[] = {"sends-garbage", "ignores-the-window", "acts-as-the-host"};
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct outcome outcome CLEANUP_OUTCOME = run(wrong[i]);
        assert_not_run(&outcome);
        assert_error_names(outcome.e, FRAME_PORT);
    }
}

static void every_frame_that_no_guest_may_send_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < hostileguest_forbidden_count; i++) {
        char *number CLEANUP_FREE = xasprintf("%zu", i);
        struct outcome outcome CLEANUP_OUTCOME = run(number);
        if (outcome.result >= 0)
            fail_msg("the guest got through with forbidden[%zu]: %d", i, outcome.result);
        assert_not_run(&outcome);
        assert_error_names(outcome.e, FRAME_PORT);
    }
}

static void a_frame_without_its_end_is_no_exit_status(void **state)
{
    (void)state;
    struct outcome outcome CLEANUP_OUTCOME = run("breaks-off");
    assert_not_run(&outcome);
    assert_error_names(outcome.e, "QEMU exited");
}

static void only_the_first_last_word_counts(void **state)
{
    (void)state;
    struct outcome outcome CLEANUP_OUTCOME = run("talks-after-its-end");
    assert_int_equal(outcome.result, 5);
    assert_string_equal(outcome.output, "done");
}

static void a_user_can_end_a_guest_that_does_not_react(void **state)
{
    (void)state;
    static const char *const still[] = {"is-silent", "is-deaf", "is-asleep", "hangs-up"};
    for (size_t i = 0; i < ELEMENTS(still); i++) {
        struct outcome outcome CLEANUP_OUTCOME = run(still[i]);
        assert_true(outcome.result < 0);
        assert_int_equal(outcome.e.status, 128 + SIGTERM);
        assert_error_names(outcome.e, "true", "signal 15");
    }
}

static void a_command_may_take_its_time_to_end(void **state)
{
    (void)state;
    struct outcome outcome CLEANUP_OUTCOME = run_within(HOSTILEGUEST_PATIENCE, "takes-its-time");
    assert_int_equal(outcome.result, 5);
}

/* Runs run-vm with that guest on a terminal of its own: its process, and the terminal's other end.
 */
static pid_t run_on_terminal(const char *guest, const char *scratch, int *master)
{
    static const struct supervise_limits limits = {.powerdown = 100, .quit = 100};
    pid_t child = forkpty(master, NULL, NULL, NULL);
    if (child > 0)
        return child;
    char *cwd CLEANUP_FREE = xstrdup(scratch);
    struct plan plan = {.cwd = cwd, .exec_socket = scratch_path(scratch, HOSTILEGUEST_SOCKET)};
    const struct session_streams streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct error e CLEANUP_ERROR = {0};
    (void)alarm(60); /* a hang fails the test */
    log_set_sink(message_print);
    signals_block();
    strv_push(&plan.argv, own_path);
    strv_push(&plan.argv, guest);
    strv_push(&plan.exec.arguments, "true");
    int r = exec_run(&plan, NULL, &limits, NULL, &streams, &e);
    _exit(r < 0 ? e.status : r);
}

static void a_guest_that_takes_no_input_can_be_left(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    int master = -1;
    char bytes[3];
    int status = 0;
    pid_t child = run_on_terminal("takes-no-input", scratch, &master);
    assert_int_equal(read(master, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(write(master, "\x1d\x1d\x1d", 3), 3);
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(master);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static void a_terminal_that_nobody_reads_does_not_hold_run_vm(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    int master = -1;
    int status = 0;
    pid_t child = run_on_terminal("fills-the-terminal", scratch, &master);
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(master);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
}

static void a_guest_that_never_powers_off_is_ended_and_its_status_counts(void **state)
{
    (void)state;
    struct outcome outcome CLEANUP_OUTCOME = run("never-powers-off");
    assert_int_equal(outcome.result, 5);
    assert_string_equal(outcome.output, "done");
}

static void a_guest_cannot_fill_the_memory(void **state)
{
    (void)state;
    struct rusage before;
    struct rusage after;
    (void)getrusage(RUSAGE_SELF, &before);
    struct outcome outcome CLEANUP_OUTCOME = run("floods");
    (void)getrusage(RUSAGE_SELF, &after);
    assert_int_equal(outcome.result, 0);
    assert_true(after.ru_maxrss - before.ru_maxrss < 16384); /* KiB */
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return hostileguest_run(argv[1]);
    own_path = realpath("/proc/self/exe", NULL);
    signals_block();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_without_a_word_is_a_failure),
        cmocka_unit_test(the_guests_reason_is_given_as_text),
        cmocka_unit_test(a_guest_that_breaks_the_rules_is_ended),
        cmocka_unit_test(every_frame_that_no_guest_may_send_ends_it),
        cmocka_unit_test(a_frame_without_its_end_is_no_exit_status),
        cmocka_unit_test(only_the_first_last_word_counts),
        cmocka_unit_test(a_user_can_end_a_guest_that_does_not_react),
        cmocka_unit_test(a_command_may_take_its_time_to_end),
        cmocka_unit_test(a_guest_that_takes_no_input_can_be_left),
        cmocka_unit_test(a_terminal_that_nobody_reads_does_not_hold_run_vm),
        cmocka_unit_test(a_guest_that_never_powers_off_is_ended_and_its_status_counts),
        cmocka_unit_test(a_guest_cannot_fill_the_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(own_path);
    return failed;
}
