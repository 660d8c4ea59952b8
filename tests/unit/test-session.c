/* SPDX-License-Identifier: MIT */
/* The host's end of a session with a command in the guest. */
#include "host/run/session.h"

#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* The input's place among the polled descriptors. */
#define INPUT (2 + STREAM_INPUT)

/* Between poll() and the read the queue may have become full: nothing is read then, which is not
 * the end of the input. */
static void a_full_queue_is_not_the_end_of_the_input(void **state)
{
    static const unsigned char much[FRAME_MAX];
    struct pollfd polled[SESSION_POLLED] = {0};
    struct session s;
    int input[2];
    char byte = 0;

    (void)state;
    assert_int_equal(pipe(input), 0);
    session_open(&s, &(struct session_streams){input[0], STDERR_FILENO, STDERR_FILENO});
    s.ready = true;
    for (size_t room; (room = channel_room(&s.channel, STREAM_INPUT)) > 0;)
        channel_send(&s.channel, STREAM_INPUT, much, room);
    assert_int_equal(write(input[1], "x", 1), 1);
    polled[INPUT].revents = POLLIN;
    assert_int_equal(session_attend(&s, polled, NULL), 0);
    assert_int_equal(s.ends[STREAM_INPUT], input[0]);
    assert_false(s.channel.streams[STREAM_INPUT].ended);
    assert_int_equal(read(input[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    session_close(&s);
    (void)close(input[0]);
    (void)close(input[1]);
}

static size_t queued_after_poll(struct session *s)
{
    struct pollfd polled[SESSION_POLLED] = {0};
    session_choose(s, polled);
    (void)poll(polled, SESSION_POLLED, 0);
    assert_int_equal(session_attend(s, polled, NULL), 0);
    return queue_length(&s->channel.outgoing);
}

/* A guest that waits for its run to begin takes the first frame for the one that begins it. */
static void a_guest_that_waits_is_told_nothing_of_the_streams(void **state)
{
    struct session s;
    int master;
    int terminal;
    int errors[2];
    int ends[2];

    (void)state;
    assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
    assert_int_equal(pipe(errors), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    session_open(&s, &(struct session_streams){terminal, terminal, errors[1]});
    s.warm.waits = true;
    s.connection = ends[0];
    (void)close(errors[0]); /* the errors have no reader any more */
    assert_int_equal(raise(SIGWINCH), 0);
    assert_int_equal(queued_after_poll(&s), 0);
    s.warm.waits = false;
    assert_true(queued_after_poll(&s) > 0);
    session_close(&s);
    (void)close(errors[1]);
    (void)close(ends[1]);
    (void)close(terminal);
    (void)close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_is_not_the_end_of_the_input),
        cmocka_unit_test(a_guest_that_waits_is_told_nothing_of_the_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
