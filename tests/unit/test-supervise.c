/* SPDX-License-Identifier: MIT */
#include "host/run/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/run/qmp.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* A QEMU with a monitor and no machine: it never powers down by itself. */
#define QEMU                                                                                       \
    "qemu-system-x86_64 -machine none -nodefaults -display none -qmp unix:qmp,server,nowait"

static const struct supervise_limits short_limits = {.powerdown = 100, .quit = 10000};

/* Makes a plan that runs a command, split at blanks, in a directory. */
static struct plan plan_of(const char *command, char *cwd)
{
    struct plan plan = {.cwd = cwd, .qmp_socket = scratch_path(cwd, "qmp")};
    strv_split(&plan.argv, command, ' ');
    return plan;
}

static void free_plan(struct plan *plan)
{
    strv_free(&plan->argv);
    strv_free(&plan->environment);
    strv_free(&plan->helpers);
    free(plan->qmp_socket);
}

#define CLEANUP_TEST_PLAN CLEANUP(free_plan)

static void the_exit_status_is_qemus(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    scratch_write(scratch, "run", "exit $STATUS");
    struct plan plan CLEANUP_TEST_PLAN = plan_of("sh run", scratch);
    strv_push(&plan.environment, "STATUS=3");
    assert_int_equal(supervise(&plan, &short_limits, NULL, NULL, NULL), 3);
    scratch_write(scratch, "run", "kill -9 $$");
    assert_int_equal(supervise(&plan, &short_limits, NULL, NULL, NULL), 137);
}

static void a_missing_qemu_is_named(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    struct plan plan CLEANUP_TEST_PLAN = plan_of("/nowhere/bin/qemu-system-aarch64", scratch);
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(supervise(&plan, &short_limits, NULL, NULL, &e), -ENOENT);
    assert_int_equal(e.status, STATUS_UNAVAILABLE);
    assert_error_names(e, "/nowhere/bin/qemu-system-aarch64", "qemu-system-arm");
}

/* Supervises QEMU, calls `act` on it and on its supervisor, which has a process group of its own,
 * and returns the supervisor's result. Its stderr goes to `log`. */
static int end_of_qemu(struct plan *plan, const char *log,
                       void (*act)(const struct plan *plan, pid_t supervisor))
{
    pid_t supervisor = fork();
    if (supervisor == 0) {
        (void)setpgid(0, 0);
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        (void)dup2(fd, STDERR_FILENO);
        signals_block();
        _exit(supervise(plan, &short_limits, NULL, NULL, NULL) & 0xff);
    }
    (void)setpgid(supervisor, supervisor);
    while (qmp_execute(plan->qmp_socket, "query-status", 1000, NULL) < 0)
        assert_int_equal(waitpid(supervisor, NULL, WNOHANG), 0);
    act(plan, supervisor);
    int status = 0;
    assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void signal_supervisor(const struct plan *plan, pid_t supervisor)
{
    (void)plan;
    assert_int_equal(kill(supervisor, SIGTERM), 0);
}

static void signal_all(const struct plan *plan, pid_t supervisor)
{
    (void)plan;
    assert_int_equal(kill(-supervisor, SIGINT), 0);
}

/* The pid of the QEMU that the supervisor runs. */
static pid_t pid_of_qemu(pid_t supervisor)
{
    char *path CLEANUP_FREE = xasprintf("task/%d/children", (int)supervisor);
    char *directory CLEANUP_FREE = xasprintf("/proc/%d", (int)supervisor);
    char *children CLEANUP_FREE = scratch_read(directory, path);
    assert_non_null(children);
    return (pid_t)strtol(children, NULL, 10);
}

static void stop_qemu_and_signal(const struct plan *plan, pid_t supervisor)
{
    assert_int_equal(kill(pid_of_qemu(supervisor), SIGSTOP), 0);
    signal_supervisor(plan, supervisor);
}

static void kill_qemu(const struct plan *plan, pid_t supervisor)
{
    (void)plan;
    assert_int_equal(kill(pid_of_qemu(supervisor), SIGKILL), 0);
}

static void a_guest_that_does_not_power_down_is_ended(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *log CLEANUP_FREE = scratch_path(scratch, "log");
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU, scratch);
    assert_int_equal(end_of_qemu(&plan, log, signal_supervisor), 0);
    char *text CLEANUP_FREE = scratch_read(scratch, "log");
    assert_non_null(strstr(text, "powering the guest down"));
    assert_non_null(strstr(text, "has not powered down"));
}

static void a_signal_to_the_group_does_not_end_qemu_first(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *log CLEANUP_FREE = scratch_path(scratch, "log");
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU, scratch);
    assert_int_equal(end_of_qemu(&plan, log, signal_all), 0);
    char *text CLEANUP_FREE = scratch_read(scratch, "log");
    assert_null(strstr(text, "terminating on signal"));
    assert_non_null(strstr(text, "has not powered down"));
}

static void a_qemu_that_hangs_is_killed(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *log CLEANUP_FREE = scratch_path(scratch, "log");
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU, scratch);
    assert_int_equal(end_of_qemu(&plan, log, stop_qemu_and_signal), 137);
}

static void a_qemu_killed_by_somebody_is_reported(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *log CLEANUP_FREE = scratch_path(scratch, "log");
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU, scratch);
    assert_int_equal(end_of_qemu(&plan, log, kill_qemu), 137);
    char *text CLEANUP_FREE = scratch_read(scratch, "log");
    assert_non_null(strstr(text, "killed by signal 9"));
}

static void a_monitor_behind_a_long_path_is_reached(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *deep CLEANUP_FREE = xasprintf("%s/%0150d, x", scratch, 7);
    scratch_run("mkdir", deep);
    char *log CLEANUP_FREE = scratch_path(scratch, "log");
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU, deep);
    assert_int_equal(end_of_qemu(&plan, log, signal_supervisor), 0);
}

static void send_nonsense_and_signal(const struct plan *plan, pid_t supervisor)
{
    struct qmp *qmp CLEANUP_QMP = NULL;
    assert_int_equal(qmp_connect(&qmp, plan->qmp_socket, NULL), 0);
    assert_int_equal(qmp_command(qmp, "query-status", 60000, NULL), 0);
    qmp_send(qmp, "no-command");
    assert_int_equal(qmp_command(qmp, "query-status", 60000, NULL), 0);
    assert_int_equal(qmp_command(qmp, "no-command", 60000, NULL), -EPROTO);
    signal_supervisor(plan, supervisor);
}

static void an_answer_that_nobody_awaits_is_not_the_next_commands(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *log CLEANUP_FREE = scratch_path(scratch, "log");
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU, scratch);
    assert_int_equal(end_of_qemu(&plan, log, send_nonsense_and_signal), 0);
}

static void a_monitor_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(qmp_execute("/nowhere/qmp", "quit", 1000, &e), -ENOENT);
    assert_error_names(e, "/nowhere/qmp");
}

/* A helper in a session of its own, as QEMU starts one; and a daemon that is not QEMU's. */
static void a_helper_does_not_outlive_qemu(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *helper CLEANUP_FREE = scratch_path(scratch, "helper");
    char *other CLEANUP_FREE = scratch_path(scratch, "other");
    scratch_run("cp", "/bin/sleep", helper);
    scratch_run("cp", "/bin/sleep", other);
    struct plan plan CLEANUP_TEST_PLAN = plan_of("bash run", scratch);
    strv_push(&plan.helpers, helper);
    /* the programs have been started when their names are in /proc */
    scratch_write(scratch, "run",
                  "setsid $PWD/helper 1000 & echo $! >pid\n"
                  "setsid $PWD/other 1000 & echo $! >more\n"
                  "for file in pid more; do\n"
                  "until grep -q ^$PWD /proc/$(cat $file)/cmdline; do :; done; done");
    assert_int_equal(supervise(&plan, &short_limits, NULL, NULL, NULL), 0);
    char *pid CLEANUP_FREE = scratch_read(scratch, "pid");
    char *more CLEANUP_FREE = scratch_read(scratch, "more");
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), 0), -1);
    assert_int_equal(kill((pid_t)strtol(more, NULL, 10), SIGKILL), 0);
    (void)waitpid((pid_t)strtol(more, NULL, 10), NULL, 0);
}

/* On a terminal of its own, whose settings and flags are the same before and after. */
static int supervise_on_terminal(struct plan *plan)
{
    struct termios before;
    struct termios after;
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    if (tcgetattr(STDIN_FILENO, &before) < 0)
        return 1;
    if (supervise(plan, &short_limits, NULL, NULL, NULL) != 137)
        return 2;
    if (tcgetattr(STDIN_FILENO, &after) < 0 || after.c_lflag != before.c_lflag ||
        after.c_iflag != before.c_iflag || after.c_oflag != before.c_oflag)
        return 3;
    return fcntl(STDIN_FILENO, F_GETFL) == flags ? 0 : 4;
}

static void the_terminal_is_restored_after_a_kill(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    /* QEMU has the terminal when it says something there */
    struct plan plan CLEANUP_TEST_PLAN = plan_of(QEMU " -nographic -serial mon:stdio", scratch);
    int master = -1;
    pid_t child = forkpty(&master, NULL, NULL, NULL);
    if (child == 0) {
        signals_block();
        _exit(supervise_on_terminal(&plan));
    }
    while (qmp_execute(plan.qmp_socket, "query-status", 1000, NULL) < 0)
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    struct termios now;
    assert_int_equal(tcgetattr(master, &now), 0);
    assert_false(now.c_lflag & ICANON); /* it is raw: there is something to restore */
    kill_qemu(&plan, child);
    char text[4096];
    while (read(master, text, sizeof text) > 0)
        ;
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(master);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_is_qemus),
        cmocka_unit_test(a_missing_qemu_is_named),
        cmocka_unit_test(a_guest_that_does_not_power_down_is_ended),
        cmocka_unit_test(a_signal_to_the_group_does_not_end_qemu_first),
        cmocka_unit_test(a_qemu_that_hangs_is_killed),
        cmocka_unit_test(a_qemu_killed_by_somebody_is_reported),
        cmocka_unit_test(a_monitor_behind_a_long_path_is_reached),
        cmocka_unit_test(an_answer_that_nobody_awaits_is_not_the_next_commands),
        cmocka_unit_test(a_monitor_that_is_not_there_is_named),
        cmocka_unit_test(a_helper_does_not_outlive_qemu),
        cmocka_unit_test(the_terminal_is_restored_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
