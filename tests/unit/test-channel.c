/* SPDX-License-Identifier: MIT */
#include "common/channel.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

struct ends {
    struct channel host;
    struct channel guest;
};

static int connect_ends(void **state)
{
    struct ends *ends = xcalloc(1, sizeof *ends);
    channel_init(&ends->host, CHANNEL_HOST);
    channel_init(&ends->guest, CHANNEL_GUEST);
    *state = ends;
    return 0;
}

static int free_ends(void **state)
{
    struct ends *ends = *state;
    channel_free(&ends->host);
    channel_free(&ends->guest);
    free(ends);
    return 0;
}

/* Moves all bytes queued at one end to the other. */
static void deliver(struct channel *from, struct channel *to)
{
    size_t length = queue_length(&from->outgoing);
    size_t room = length;
    unsigned char *bytes = frame_reader_room(&to->incoming, &room);
    if (length > 0)
        (void)memcpy(bytes, queue_front(&from->outgoing), length);
    frame_reader_fill(&to->incoming, length);
    queue_drop(&from->outgoing, length);
}

/* Sends as much as may be sent, and delivers it. Returns how much that was. */
static size_t fill(struct channel *from, struct channel *to, enum stream_name name)
{
    unsigned char *bytes CLEANUP_FREE = xcalloc(FRAME_MAX, 1);
    struct frame frame;
    size_t sent = 0;
    for (size_t room = 0; (room = channel_room(from, name)) > 0;) {
        channel_send(from, name, bytes, room);
        deliver(from, to);
        assert_int_equal(channel_next(to, &frame, NULL), 0);
        sent += room;
    }
    return sent;
}

static void a_queue_keeps_the_order(void **state)
{
    (void)state;
    struct queue queue = {0};
    size_t sent = 0;
    for (unsigned int round = 0; round < 500; round++) {
        unsigned char bytes[7];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (unsigned char)(7 * round + i);
        queue_append(&queue, bytes, sizeof bytes);
        assert_int_equal(*queue_front(&queue), sent & 0xff);
        queue_drop(&queue, 5);
        sent += 5;
    }
    assert_int_equal(queue_length(&queue), 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(queue_front(&queue)[i], (sent + i) & 0xff);
    queue_drop(&queue, 1000);
    assert_int_equal(queue_length(&queue), 0);
    queue_free(&queue);
}

static void what_is_sent_arrives_and_then_its_end(void **state)
{
    struct ends *ends = *state;
    struct frame frame;
    channel_put(&ends->guest, FRAME_READY, NULL, 0);
    channel_send(&ends->guest, STREAM_OUTPUT, "a\0b", 3);
    channel_send(&ends->guest, STREAM_ERRORS, "oh", 2);
    channel_send(&ends->guest, STREAM_OUTPUT, NULL, 0);
    channel_put(&ends->guest, FRAME_EXIT, "\7", 1);
    deliver(&ends->guest, &ends->host);
    assert_int_equal(channel_next(&ends->host, &frame, NULL), 1);
    assert_int_equal(frame.type, FRAME_READY);
    assert_int_equal(channel_next(&ends->host, &frame, NULL), 1);
    assert_int_equal(frame.type, FRAME_EXIT);
    assert_int_equal(frame.payload[0], 7);
    assert_int_equal(channel_next(&ends->host, &frame, NULL), 0);

    const struct stream *output = &ends->host.streams[STREAM_OUTPUT];
    assert_int_equal(queue_length(&output->received), 3);
    assert_memory_equal(queue_front(&output->received), "a\0b", 3);
    assert_true(output->ended);
    assert_false(ends->host.streams[STREAM_ERRORS].ended);
    assert_int_equal(channel_room(&ends->guest, STREAM_OUTPUT), 0);
}

static void a_stream_stops_at_its_window_and_goes_on_when_it_is_read(void **state)
{
    struct ends *ends = *state;
    struct frame frame;
    assert_int_equal(fill(&ends->guest, &ends->host, STREAM_OUTPUT), FRAME_WINDOW);
    assert_int_equal(fill(&ends->guest, &ends->host, STREAM_ERRORS), FRAME_WINDOW);
    assert_int_equal(fill(&ends->host, &ends->guest, STREAM_INPUT), FRAME_WINDOW);

    channel_take(&ends->host, STREAM_OUTPUT, 200000);
    deliver(&ends->host, &ends->guest);
    assert_int_equal(channel_next(&ends->guest, &frame, NULL), 0);
    assert_int_equal(channel_room(&ends->guest, STREAM_ERRORS), 0);
    assert_int_equal(fill(&ends->guest, &ends->host, STREAM_OUTPUT), 200000);
}

static void a_byte_by_byte_reader_never_stops_the_sender(void **state)
{
    struct ends *ends = *state;
    struct frame frame;
    for (size_t i = 0; i < 3 * FRAME_WINDOW; i++) {
        assert_true(channel_room(&ends->guest, STREAM_OUTPUT) > 0);
        channel_send(&ends->guest, STREAM_OUTPUT, "x", 1);
        deliver(&ends->guest, &ends->host);
        assert_int_equal(channel_next(&ends->host, &frame, NULL), 0);
        channel_take(&ends->host, STREAM_OUTPUT, 1);
        assert_true(queue_length(&ends->host.outgoing) < 64);
        deliver(&ends->host, &ends->guest);
        assert_int_equal(channel_next(&ends->guest, &frame, NULL), 0);
    }
}

static void a_stream_that_nobody_reads_is_not_sent(void **state)
{
    struct ends *ends = *state;
    struct frame frame;
    (void)fill(&ends->guest, &ends->host, STREAM_OUTPUT);
    channel_close(&ends->host, STREAM_OUTPUT);
    channel_close(&ends->host, STREAM_OUTPUT);
    assert_int_equal(queue_length(&ends->host.streams[STREAM_OUTPUT].received), 0);
    deliver(&ends->host, &ends->guest);
    assert_int_equal(channel_next(&ends->guest, &frame, NULL), 0);
    assert_true(ends->guest.streams[STREAM_OUTPUT].closed);
    assert_int_equal(channel_room(&ends->guest, STREAM_OUTPUT), 0);
    assert_int_equal(channel_room(&ends->guest, STREAM_ERRORS), FRAME_MAX);
}

static void put_data(struct channel *channel, enum frame_type type, size_t length)
{
    unsigned char *bytes CLEANUP_FREE = xcalloc(length + 1, 1);
    channel_put(channel, type, bytes, length);
}

static void who_does_not_keep_to_the_rules_is_not_listened_to(void **state)
{
    (void)state;
    static const struct {
        enum frame_type type;
        size_t length;
        unsigned char payload[5];
    } wrong[] = {
        {FRAME_INPUT, 1, {0}},               /* the host's stream */
        {FRAME_TAKEN, 5, {FRAME_INPUT, 1}},  /* nothing has been sent */
        {FRAME_TAKEN, 5, {FRAME_OUTPUT, 0}}, /* not the host's */
        {FRAME_TAKEN, 4, {FRAME_INPUT}},     /* cut off */
        {FRAME_TAKEN, 5, {FRAME_EXIT}},      /* no stream */
        {FRAME_CLOSED, 1, {FRAME_ERRORS}},   /* not the host's */
        {FRAME_CLOSED, 0, {0}},              /* none named */
    };
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        void *pair = NULL;
        struct frame frame;
        struct error e CLEANUP_ERROR = {0};
        (void)connect_ends(&pair);
        struct ends *ends = pair;
        channel_put(&ends->guest, wrong[i].type, wrong[i].payload, wrong[i].length);
        deliver(&ends->guest, &ends->host);
        assert_int_equal(channel_next(&ends->host, &frame, &e), -EPROTO);
        assert_error_names(e, FRAME_PORT);
        (void)free_ends(&pair);
    }
}

static void who_sends_more_than_the_window_is_not_listened_to(void **state)
{
    struct ends *ends = *state;
    struct frame frame;
    put_data(&ends->guest, FRAME_OUTPUT, FRAME_MAX);
    put_data(&ends->guest, FRAME_OUTPUT, FRAME_MAX);
    deliver(&ends->guest, &ends->host);
    assert_int_equal(channel_next(&ends->host, &frame, NULL), 0);
    put_data(&ends->guest, FRAME_OUTPUT, 1);
    deliver(&ends->guest, &ends->host);
    assert_int_equal(channel_next(&ends->host, &frame, NULL), -EPROTO);
    assert_int_equal(queue_length(&ends->host.streams[STREAM_OUTPUT].received), FRAME_WINDOW);
}

/* A peer that sends without end and never reads the acknowledgements. */
static void a_side_that_does_not_read_is_not_listened_to_for_ever(void **state)
{
    struct ends *ends = *state;
    unsigned char *bytes CLEANUP_FREE = xcalloc(FRAME_MAX, 1);
    struct frame frame;
    channel_close(&ends->host, STREAM_OUTPUT);
    for (int rounds = 0; channel_listens(&ends->host); rounds++) {
        assert_in_range(rounds, 0, 100000);
        channel_put(&ends->guest, FRAME_OUTPUT, bytes, FRAME_MAX);
        deliver(&ends->guest, &ends->host);
        assert_int_equal(channel_next(&ends->host, &frame, NULL), 0);
    }
    deliver(&ends->host, &ends->guest);
    assert_true(channel_listens(&ends->host));
}

int main(void)
{
#define WITH_ENDS(test) cmocka_unit_test_setup_teardown(test, connect_ends, free_ends)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_keeps_the_order),
        WITH_ENDS(what_is_sent_arrives_and_then_its_end),
        WITH_ENDS(a_stream_stops_at_its_window_and_goes_on_when_it_is_read),
        WITH_ENDS(a_byte_by_byte_reader_never_stops_the_sender),
        WITH_ENDS(a_stream_that_nobody_reads_is_not_sent),
        cmocka_unit_test(who_does_not_keep_to_the_rules_is_not_listened_to),
        WITH_ENDS(who_sends_more_than_the_window_is_not_listened_to),
        WITH_ENDS(a_side_that_does_not_read_is_not_listened_to_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
