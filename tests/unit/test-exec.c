/* SPDX-License-Identifier: MIT */
/* run-vm's end of the channel against guests that do what no guest of ours does. In QEMU's place
 * this program itself is started, as the guest that its argument names. */
#include "host/run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/channel.h"
#include "host/system/message.h"
#include "host/system/signals.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define SOCKET_NAME "exec"
#define PATIENCE    1000 /* with a guest that takes a signal, in milliseconds */

/* --- the guests --- */

static void put(int fd, enum frame_type type, const void *payload, size_t length)
{
    unsigned char header[FRAME_HEADER];
    frame_header(header, type, length);
    if (send(fd, header, sizeof header, MSG_NOSIGNAL) != sizeof header ||
        send(fd, payload, length, MSG_NOSIGNAL) != (ssize_t)length)
        _exit(0); /* run-vm has hung up */
}

/* Until run-vm hangs up. */
static void wait_for_end(int fd)
{
    unsigned char bytes[4096];
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
}

static void guest_says_nothing(int fd)
{
    (void)fd;
    (void)!write(STDOUT_FILENO, "\033[2JKernel panic\n", 17);
}

static void guest_sends_garbage(int fd)
{
    unsigned char bytes[4096];
    (void)memset(bytes, 0xaa, sizeof bytes);
    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        ;
    wait_for_end(fd);
    (void)pause(); /* even after the other end is closed */
}

static void guest_ignores_the_window(int fd)
{
    static unsigned char bytes[FRAME_MAX];
    put(fd, FRAME_READY, NULL, 0);
    for (;;)
        put(fd, FRAME_OUTPUT, bytes, sizeof bytes);
}

static void guest_acts_as_the_host(int fd)
{
    put(fd, FRAME_START, NULL, 0);
    wait_for_end(fd);
    (void)pause();
}

static void guest_never_powers_off(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_OUTPUT, "done", 4);
    put(fd, FRAME_EXIT, "\x05", 1);
    (void)pause();
}

static void guest_fails(int fd)
{
    static const char reason[] = "the root \033[31mis not there";
    put(fd, FRAME_FAILED, reason, strlen(reason));
    wait_for_end(fd);
}

/* A hundred megabytes on the console, and as many frames as it takes to count to a million. */
static void guest_floods(int fd)
{
    static char console[1 << 20];
    for (int i = 0; i < 100; i++)
        (void)!write(STDOUT_FILENO, console, sizeof console);
    put(fd, FRAME_READY, NULL, 0);
    for (int i = 0; i < 1000000; i += 50) {
        unsigned char many[50 * FRAME_HEADER];
        for (size_t j = 0; j < 50; j++)
            frame_header(many + j * FRAME_HEADER, FRAME_READY, 0);
        (void)!send(fd, many, sizeof many, MSG_NOSIGNAL);
    }
    put(fd, FRAME_EXIT, "\0", 1);
    wait_for_end(fd);
}

/* An impatient user: SIGTERM, and another one after the first was passed to the command. */
static void lose_patience(unsigned int times)
{
    for (unsigned int i = 0; i < times; i++) {
        (void)kill(getppid(), SIGTERM);
        (void)poll(NULL, 0, 300); /* two at the same instant count as one */
    }
    (void)pause();
}

static void guest_is_silent(int fd)
{
    (void)fd;
    lose_patience(1);
}

static void guest_is_deaf(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    lose_patience(2);
}

/* It falls asleep: a signal is not taken, whatever the kernel still has to say. */
static void guest_is_asleep(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    (void)kill(getppid(), SIGTERM);
    (void)poll(NULL, 0, 20);
    (void)!write(STDOUT_FILENO, "PM: suspend entry\n", 18);
    (void)pause();
}

/* Takes the signal, for which the command does not end at once. */
static void guest_takes_its_time(int fd)
{
    for (int i = 0; i < 20; i++) {
        if (i == 3)
            (void)kill(getppid(), SIGTERM);
        put(fd, FRAME_READY, NULL, 0);
        (void)poll(NULL, 0, PATIENCE / 10);
    }
    put(fd, FRAME_EXIT, "\x05", 1);
    wait_for_end(fd);
}

static void guest_hangs_up(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    (void)close(fd);
    lose_patience(2);
}

static void guest_talks_after_its_end(int fd)
{
    static const char more[] = "after the end";
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_OUTPUT, "done", 4);
    put(fd, FRAME_EXIT, "\x05", 1);
    put(fd, FRAME_OUTPUT, more, strlen(more));
    put(fd, FRAME_EXIT, "\x06", 1);
    put(fd, FRAME_FAILED, more, strlen(more));
    wait_for_end(fd);
}

/* On a terminal, with a guest that reads no input and never ends. */
static void guest_takes_no_input(int fd)
{
    static const unsigned char stream = FRAME_INPUT;
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_CLOSED, &stream, 1);
    put(fd, FRAME_OUTPUT, "now", 3);
    (void)pause();
}

/* More output than an unread terminal holds. */
static void guest_fills_the_terminal(int fd)
{
    static unsigned char bytes[FRAME_MAX];
    (void)memset(bytes, 'x', sizeof bytes);
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_OUTPUT, bytes, sizeof bytes);
    (void)poll(NULL, 0, 500);
    lose_patience(2);
}

/* Bytes that no guest may send, after FRAME_READY. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct {
    const char *bytes;
    size_t length;
} forbidden[] = {
    BYTES("\x10\0\0\0\x01\0\x02\0"),                  /* FRAME_MAX + 1 bytes of output */
    BYTES("\x10\0\0\0\xff\xff\xff\xff"),              /* 4 GiB */
    BYTES("\0\0\0\0\0\0\0\0"),                        /* no type */
    BYTES("\x15\0\0\0\0\0\0\0"),                      /* one more than there are */
    BYTES("\xff\0\0\0\0\0\0\0"),                      /* the last one */
    BYTES("\x14\x01\0\0\0\0\0\0"),                    /* no zeros after the type */
    BYTES("\x12\0\0\0\0\0\0\0"),                      /* exit without a status */
    BYTES("\x12\0\0\0\x02\0\0\0\0\x01"),              /* with 256 */
    BYTES("\x12\0\0\0\x04\0\0\0\xff\xff\xff\xff"),    /* with -1 */
    BYTES("\x01\0\0\0\x02\0\0\0ls"),                  /* an argument, as the host */
    BYTES("\x04\0\0\0\x02\0\0\0ls"),                  /* input */
    BYTES("\x06\0\0\0\x01\0\0\0\x09"),                /* a signal */
    BYTES("\x08\0\0\0\x05\0\0\0\x04\0\0\x10\0"),      /* took more than was sent */
    BYTES("\x08\0\0\0\x05\0\0\0\x10\0\0\0\0"),        /* took from its own stream */
    BYTES("\x08\0\0\0\x01\0\0\0\x04"),                /* took what? */
    BYTES("\x09\0\0\0\x01\0\0\0\x10"),                /* closes its own stream */
    BYTES("\x09\0\0\0\x01\0\0\0\xff"),                /* closes none */
    BYTES("\x09\0\0\0\0\0\0\0"),                      /* closes what? */
    BYTES("\x10\0\0\0\0\0\0\0\x10\0\0\0\x01\0\0\0x"), /* output after its end */
};

static void send_forbidden(int fd, const char *number)
{
    size_t i = strtoul(number, NULL, 10);
    put(fd, FRAME_READY, NULL, 0);
    (void)send(fd, forbidden[i].bytes, forbidden[i].length, MSG_NOSIGNAL);
    wait_for_end(fd);
    (void)pause();
}

/* A frame without its end: then QEMU is gone. */
static void guest_breaks_off(int fd)
{
    unsigned char header[FRAME_HEADER];
    frame_header(header, FRAME_EXIT, 1);
    put(fd, FRAME_READY, NULL, 0);
    (void)send(fd, header, sizeof header, MSG_NOSIGNAL);
}

static const struct {
    const char *name;
    void (*run)(int fd);
} guests[] = {
    {"says-nothing", guest_says_nothing},
    {"sends-garbage", guest_sends_garbage},
    {"ignores-the-window", guest_ignores_the_window},
    {"acts-as-the-host", guest_acts_as_the_host},
    {"never-powers-off", guest_never_powers_off},
    {"fails", guest_fails},
    {"floods", guest_floods},
    {"is-silent", guest_is_silent},
    {"is-deaf", guest_is_deaf},
    {"is-asleep", guest_is_asleep},
    {"takes-its-time", guest_takes_its_time},
    {"hangs-up", guest_hangs_up},
    {"talks-after-its-end", guest_talks_after_its_end},
    {"takes-no-input", guest_takes_no_input},
    {"fills-the-terminal", guest_fills_the_terminal},
    {"breaks-off", guest_breaks_off},
};

static int run_guest(const char *name)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_NAME};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return 1;
    for (size_t i = 0; i < ELEMENTS(guests); i++)
        if (streq(guests[i].name, name))
            guests[i].run(fd);
    if (*name >= '0' && *name <= '9')
        send_forbidden(fd, name);
    return 0;
}

/* --- the tests --- */

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
    struct plan plan = {.cwd = scratch, .exec_socket = scratch_path(scratch, SOCKET_NAME)};
    struct exec_streams streams = {
        .input = open("/dev/zero", O_RDONLY | O_CLOEXEC),
        .output = open(output, O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
        .errors = open("/dev/null", O_WRONLY | O_CLOEXEC),
    };
    struct outcome outcome = {0};
    strv_push(&plan.argv, own_path);
    strv_push(&plan.argv, guest);
    strv_push(&plan.exec, "true");
    outcome.result = exec_run(&plan, &limits, NULL, &streams, &outcome.e);
    outcome.output = scratch_read(scratch, "output");
    (void)close(streams.input);
    (void)close(streams.output);
    (void)close(streams.errors);
    strv_free(&plan.argv);
    strv_free(&plan.exec);
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
    for (size_t i = 0; i < ELEMENTS(forbidden); i++) {
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
    struct outcome outcome CLEANUP_OUTCOME = run_within(PATIENCE, "takes-its-time");
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
    struct plan plan = {.cwd = cwd, .exec_socket = scratch_path(scratch, SOCKET_NAME)};
    const struct exec_streams streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct error e CLEANUP_ERROR = {0};
    (void)alarm(60); /* a hang fails the test */
    log_set_sink(message_print);
    signals_block();
    strv_push(&plan.argv, own_path);
    strv_push(&plan.argv, guest);
    strv_push(&plan.exec, "true");
    int r = exec_run(&plan, &limits, NULL, &streams, &e);
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
        return run_guest(argv[1]);
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
