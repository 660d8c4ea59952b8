/* SPDX-License-Identifier: MIT */
/* The beginning of a session with the guest's agent, in whatever pieces it arrives. */
#include "host/run/handshake.h"

#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/unit.h"

static struct handshake h;

static void add(const void *bytes, size_t count)
{
    assert_true(h.used + count <= sizeof h.bytes);
    (void)memcpy(h.bytes + h.used, bytes, count);
    h.used += count;
}

static void add_offer(void)
{
    unsigned char header[FRAME_HEADER];
    frame_header(header, FRAME_OFFER, FRAME_TOKEN);
    add(header, sizeof header);
    add(FRAME_OFFERED, FRAME_TOKEN);
}

static void each_session_has_its_own_token(void **state)
{
    (void)state;
    handshake_init(&h);
    unsigned char first[HANDSHAKE_MARK];
    (void)memcpy(first, h.begin, sizeof first);
    handshake_init(&h);
    assert_memory_not_equal(first, h.begin, sizeof first);
    assert_memory_equal(h.begin + FRAME_HEADER, h.ready + FRAME_HEADER, FRAME_TOKEN);
}

static void what_an_earlier_session_has_left_is_dropped(void **state)
{
    (void)state;
    handshake_init(&h);
    unsigned char earlier[HANDSHAKE_MARK];
    (void)memcpy(earlier, h.ready, sizeof earlier);
    handshake_init(&h);
    add("stale", 5);
    add(earlier, sizeof earlier);
    add_offer();
    add("run-vm: offered\n", 16);
    add(h.ready, HANDSHAKE_MARK);
    add("next", 4);
    assert_int_equal(handshake_next(&h), HANDSHAKE_OFFER);
    assert_int_equal(handshake_next(&h), HANDSHAKE_READY);
    assert_int_equal(h.used, HANDSHAKE_MARK + 4);
    assert_memory_equal(h.bytes + HANDSHAKE_MARK, "next", 4);
}

static void a_mark_is_found_in_single_bytes_behind_megabytes(void **state)
{
    (void)state;
    static const unsigned char much[32768] = {FRAME_READY};
    handshake_init(&h);
    for (int i = 0; i < 64; i++) {
        add(much, sizeof much);
        assert_int_equal(handshake_next(&h), HANDSHAKE_NOTHING);
    }
    for (size_t i = 0; i < HANDSHAKE_MARK; i++) {
        assert_int_equal(handshake_next(&h), HANDSHAKE_NOTHING);
        add(h.ready + i, 1);
    }
    assert_int_equal(handshake_next(&h), HANDSHAKE_READY);
    assert_int_equal(h.used, HANDSHAKE_MARK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_session_has_its_own_token),
        cmocka_unit_test(what_an_earlier_session_has_left_is_dropped),
        cmocka_unit_test(a_mark_is_found_in_single_bytes_behind_megabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
