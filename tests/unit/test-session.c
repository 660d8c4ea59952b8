/* SPDX-License-Identifier: MIT */
/* The host's end of a session with a command in the guest. */
#include "host/run/session.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_queue_is_not_the_end_of_the_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
