/* SPDX-License-Identifier: MIT */
/* Tests that a console is left, and passes everything on, however its output is read. */
#include "host/run/consolerelay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "host/system/signals.h"
#include "tests/unit/unit.h"

/* More than a pipe and a socket take. */
#define MUCH (1 << 22)

/* Writes as the guest does until everything is written, or nobody has taken any for a time, in
 * milliseconds. */
static void write_much(int guest, int time)
{
    static const char bytes[4096];
    struct pollfd polled = {guest, POLLOUT, 0};
    for (size_t put = 0; put < MUCH && poll(&polled, 1, time) > 0;) {
        ssize_t sent = send(guest, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        put += sent > 0 ? (size_t)sent : 0;
    }
}

/* Relays with `output` as the standard output, and no input. */
static enum consolerelay_end relay(int console, int output)
{
    int null CLEANUP_CLOSE = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int input CLEANUP_CLOSE = dup(STDIN_FILENO);
    int before CLEANUP_CLOSE = dup(STDOUT_FILENO);
    assert_true(dup2(null, STDIN_FILENO) == 0 && dup2(output, STDOUT_FILENO) == 1);
    enum consolerelay_end end = consolerelay_run(console, false);
    assert_true(dup2(before, STDOUT_FILENO) == 1 && dup2(input, STDIN_FILENO) == 0);
    return end;
}

static void a_signal_ends_one_whose_output_is_not_read(void **state)
{
    (void)state;
    int console[2];
    int output[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, console), 0);
    assert_int_equal(pipe(output), 0);
    pid_t guest = fork();
    if (guest == 0) {
        write_much(console[1], 300);
        (void)kill(getppid(), SIGTERM);
        _exit(0);
    }
    assert_int_equal(relay(console[0], output[1]), CONSOLERELAY_SIGNALLED);
    assert_int_equal(signals_take(), SIGTERM);
    assert_int_equal(waitpid(guest, NULL, 0), guest);
    (void)close(console[0]);
    (void)close(console[1]);
    (void)close(output[0]);
    (void)close(output[1]);
}

static void everything_is_printed_before_the_end(void **state)
{
    (void)state;
    int console[2];
    int output[2];
    static char bytes[65536];
    size_t length = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, console),
                     0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    pid_t guest = fork();
    if (guest == 0) {
        (void)close(console[0]);
        write_much(console[1], 60000);
        _exit(0);
    }
    pid_t reader = fork();
    if (reader == 0) {
        (void)close(output[1]);
        (void)close(console[0]);
        (void)close(console[1]);
        for (ssize_t got; (got = read(output[0], bytes, sizeof bytes)) > 0; length += (size_t)got)
            (void)poll(NULL, 0, 1);
        _exit(length == MUCH ? 0 : 1);
    }
    (void)close(console[1]);
    (void)close(output[0]);
    assert_int_equal(relay(console[0], output[1]), CONSOLERELAY_HUNG_UP);
    (void)close(output[1]);
    int status = -1;
    assert_int_equal(waitpid(guest, NULL, 0), guest);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    (void)close(console[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_ends_one_whose_output_is_not_read),
        cmocka_unit_test(everything_is_printed_before_the_end),
    };
    signals_block();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
