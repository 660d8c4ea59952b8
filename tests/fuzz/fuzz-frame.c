/* SPDX-License-Identifier: MIT */
/* A hostile guest at run-vm's end of the channel. Its bytes arrive in any pieces, interleaved with
 * any actions of the user and of the reader of the output. The session uses no more memory than the
 * windows allow, and can at worst end.
 *
 * The input is the number of events, the events, and the guest's bytes. No descriptor is used: the
 * system calls below answer as the event tells them. */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/log.h"
#include "tests/fuzz/fuzz.h"

static ssize_t fuzz_recv(int fd, void *bytes, size_t room, int flags);
static ssize_t fuzz_send(int fd, const void *bytes, size_t count, int flags);
static ssize_t fuzz_read(int fd, void *bytes, size_t room);
static ssize_t fuzz_write(int fd, const void *bytes, size_t count);
static int fuzz_close(int fd);

#include <unistd.h>

#define recv  fuzz_recv
#define send  fuzz_send
#define read  fuzz_read
#define write fuzz_write
#define close fuzz_close
#include "host/run/session.c" // NOLINT(bugprone-suspicious-include): its functions are static
/* names of exec.c that session.c has too */
#define slot  run_slot
#define SLOTS RUN_SLOTS
#include "host/run/exec.c" // NOLINT(bugprone-suspicious-include): its functions are static
#undef slot
#undef SLOTS
#undef recv
#undef send
#undef read
#undef write
#undef close

int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { GUEST = 100, CONSOLE_END, INPUT_END, OUTPUT_END, ERRORS_END };

/* The next request to the session; the rest of the byte is its amount. */
enum event {
    GUEST_SENDS,
    GUEST_TAKES,
    USER_TYPES,
    OUTPUT_TAKES,
    ERRORS_TAKE,
    CONSOLE_SAYS,
    EVENTS
};

static const uint8_t *guest_bytes;
static size_t guest_left;
static size_t amount; /* of this event; 0: end of file or a failure */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static ssize_t fuzz_recv(int fd, void *bytes, size_t room, int flags)
{
    size_t count = least(least(amount, room), guest_left);
    must(fd == GUEST && flags == 0);
    (void)memcpy(bytes, guest_bytes, count);
    guest_bytes += count;
    guest_left -= count;
    return (ssize_t)count;
}

static ssize_t fuzz_send(int fd, const void *bytes, size_t count, int flags)
{
    must(fd == GUEST && flags == MSG_NOSIGNAL && bytes && count > 0);
    errno = EPIPE;
    return amount ? (ssize_t)least(amount, count) : -1;
}

static ssize_t fuzz_read(int fd, void *bytes, size_t room)
{
    size_t count = least(amount, room);
    must(fd == INPUT_END || fd == CONSOLE_END);
    (void)memset(bytes, ESCAPE, count);
    return (ssize_t)count;
}

static ssize_t fuzz_write(int fd, const void *bytes, size_t count)
{
    must((fd == OUTPUT_END || fd == ERRORS_END) && bytes && count > 0);
    errno = amount % 2 ? EPIPE : ENOSPC;
    return amount > 1 ? (ssize_t)least(amount, count) : -1;
}

static int fuzz_close(int fd)
{
    must(fd == GUEST || fd == CONSOLE_END);
    return 0;
}

static void check_windows(const struct session *s)
{
    for (int i = STREAM_OUTPUT; i < STREAM_COUNT; i++) {
        const struct stream *stream = &s->channel.streams[i];
        must(queue_length(&stream->received) + stream->taken + stream->credit == FRAME_WINDOW);
    }
    must(s->channel.streams[STREAM_INPUT].credit <= FRAME_WINDOW);
    must(s->channel.incoming.size <= FRAME_HEADER + FRAME_MAX + 2 * CHUNK);
    must(!s->done || s->connection < 0);
}

/* Delivers one event, if the session waits for it. */
static enum supervise_state happen(struct run *run, enum event event)
{
    static const unsigned int slots[EVENTS] = {
        [GUEST_SENDS] = CONNECTION,           [GUEST_TAKES] = CONNECTION,
        [USER_TYPES] = ENDS + STREAM_INPUT,   [OUTPUT_TAKES] = ENDS + STREAM_OUTPUT,
        [ERRORS_TAKE] = ENDS + STREAM_ERRORS, [CONSOLE_SAYS] = CONSOLE,
    };
    struct pollfd polled[SUPERVISE_POLLED];
    size_t count = choose(run, polled);
    short wanted = (short)(event == GUEST_SENDS ? POLLIN : event == GUEST_TAKES ? POLLOUT : ~0);
    struct pollfd *place = &polled[slots[event]];
    if (place->fd < 0 || !(place->events & wanted))
        return SUPERVISE_RUNS;
    short revents = place->events & wanted;
    for (size_t i = 0; i < count; i++)
        polled[i].revents = 0;
    place->revents = revents;
    enum supervise_state state = attend(run, polled);
    check_windows(&run->session);
    must(state == SUPERVISE_RUNS || run->session.done);
    must(state != SUPERVISE_BROKEN || run->session.reason);
    return state;
}

static void run_session(struct run *run, const uint8_t *events, size_t count)
{
    enum supervise_state state = SUPERVISE_RUNS;
    for (size_t i = 0; i < count && state == SUPERVISE_RUNS; i++) {
        amount = events[i] / EVENTS;
        if (amount == UINT8_MAX / EVENTS)
            amount = FRAME_WINDOW;
        state = happen(run, (enum event)(events[i] % EVENTS));
    }
    amount = CHUNK;
    while (state == SUPERVISE_RUNS && guest_left > 0 && run->session.connection >= 0)
        state = happen(run, GUEST_SENDS);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_set_level(LOG_LEVEL_ERROR); /* else the guest's console is printed */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t count = least(data[0], size - 1);
    char *words[] = {(char *)"true", NULL};
    const struct plan plan = {.exec.arguments = {.items = words, .count = 1}};
    struct run run = {.session = {.connection = GUEST,
                                  .resizes = -1,
                                  .ends = {INPUT_END, OUTPUT_END, ERRORS_END},
                                  .reopened = {-1, -1},
                                  .status = -1},
                      .plan = &plan,
                      .listener = -1,
                      .console = CONSOLE_END};
    channel_init(&run.session.channel, CHANNEL_HOST);
    session_request(&run.session, &plan.exec);
    guest_bytes = data + 1 + count;
    guest_left = size - 1 - count;
    run_session(&run, data + 1, count);
    struct error e CLEANUP_ERROR = {0};
    must(result(&run, 0, &e) >= 0 || e.message);
    channel_free(&run.session.channel);
    consoletail_free(&run.tail);
    free(run.session.reason);
    return 0;
}
