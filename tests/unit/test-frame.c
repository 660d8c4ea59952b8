/* SPDX-License-Identifier: MIT */
#include "common/frame.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

static void feed(struct frame_reader *reader, const void *bytes, size_t count)
{
    size_t room = count;
    (void)memcpy(frame_reader_room(reader, &room), bytes, count);
    frame_reader_fill(reader, count);
}

static void frames_come_out_however_they_are_cut(void **state)
{
    (void)state;
    unsigned char stream[2 * FRAME_HEADER + 5];
    frame_header(stream, FRAME_OUTPUT, 5);
    (void)memcpy(stream + FRAME_HEADER, "a\0b\xff\n", 5);
    frame_header(stream + FRAME_HEADER + 5, FRAME_INPUT, 0);

    for (size_t step = 1; step <= sizeof stream; step++) {
        struct frame_reader reader CLEANUP_FRAME_READER = {0};
        struct frame frame;
        size_t found = 0;
        for (size_t at = 0; at < sizeof stream; at += step) {
            feed(&reader, stream + at, step < sizeof stream - at ? step : sizeof stream - at);
            while (frame_reader_next(&reader, &frame, NULL) == 1) {
                assert_int_equal(frame.type, found == 0 ? FRAME_OUTPUT : FRAME_INPUT);
                assert_int_equal(frame.length, found == 0 ? 5 : 0);
                if (found == 0)
                    assert_memory_equal(frame.payload, "a\0b\xff\n", 5);
                found++;
            }
        }
        assert_int_equal(found, 2);
    }
}

static void the_longest_frame_is_taken_and_no_longer_one(void **state)
{
    (void)state;
    unsigned char *bytes CLEANUP_FREE = xcalloc(FRAME_HEADER + FRAME_MAX, 1);
    struct frame_reader reader CLEANUP_FRAME_READER = {0};
    struct frame frame;
    frame_header(bytes, FRAME_ARGUMENT, FRAME_MAX);
    feed(&reader, bytes, FRAME_HEADER + FRAME_MAX);
    assert_int_equal(frame_reader_next(&reader, &frame, NULL), 1);
    assert_int_equal(frame.length, FRAME_MAX);

    frame_header(bytes, FRAME_ARGUMENT, FRAME_MAX + 1);
    feed(&reader, bytes, FRAME_HEADER);
    assert_int_equal(frame_reader_next(&reader, &frame, NULL), -EPROTO);
}

static void what_is_not_a_frame_ends_the_reading(void **state)
{
    (void)state;
    static const unsigned char wrong[][FRAME_HEADER] = {
        {0}, {13}, {24}, {255}, {FRAME_EXIT, 1}, {FRAME_EXIT, 0, 0, 7},
    };
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct frame_reader reader CLEANUP_FRAME_READER = {0};
        struct frame frame;
        struct error e CLEANUP_ERROR = {0};
        feed(&reader, wrong[i], FRAME_HEADER);
        assert_int_equal(frame_reader_next(&reader, &frame, &e), -EPROTO);
        assert_error_names(e, FRAME_PORT, "not a frame");
    }
}

static void a_terminal_has_its_size(void **state)
{
    (void)state;
    unsigned char payload[FRAME_SIZE_LENGTH];
    frame_put_size(payload, 50, 300);
    struct frame frame = {.payload = payload, .length = sizeof payload};
    uint16_t rows = 0;
    uint16_t columns = 0;
    assert_int_equal(frame_get_size(&frame, &rows, &columns), 0);
    assert_int_equal(rows, 50);
    assert_int_equal(columns, 300);
    frame.length = 3;
    assert_int_equal(frame_get_size(&frame, &rows, &columns), -EPROTO);
}

static void a_run_begins_with_what_differs_between_guests(void **state)
{
    (void)state;
    unsigned char payload[FRAME_THAW_LENGTH];
    struct frame_thaw sent = {.time = 1796000000123456789,
                              .seed = "0123456789abcdef0123456789abcde"};
    struct frame_thaw got = {0};
    (void)memcpy(sent.mac, "\x02\0\xff\1\2\3", FRAME_MAC);
    frame_put_thaw(payload, &sent);
    struct frame frame = {.type = FRAME_THAW, .payload = payload, .length = sizeof payload};
    assert_int_equal(frame_get_thaw(&frame, &got), 0);
    assert_memory_equal(got.seed, sent.seed, FRAME_SEED);
    assert_memory_equal(got.mac, sent.mac, FRAME_MAC);
    assert_true(got.time == sent.time);
    frame.length--;
    assert_int_equal(frame_get_thaw(&frame, &got), -EPROTO);
    frame = (struct frame){.type = FRAME_START, .payload = payload, .length = sizeof payload};
    assert_int_equal(frame_get_thaw(&frame, &got), -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_however_they_are_cut),
        cmocka_unit_test(the_longest_frame_is_taken_and_no_longer_one),
        cmocka_unit_test(what_is_not_a_frame_ends_the_reading),
        cmocka_unit_test(a_terminal_has_its_size),
        cmocka_unit_test(a_run_begins_with_what_differs_between_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
