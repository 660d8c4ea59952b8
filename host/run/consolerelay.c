/* SPDX-License-Identifier: MIT */
#include "host/run/consolerelay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/queue.h"
#include "host/system/signals.h"
#include "host/system/terminal.h"

/* Ctrl-] */
#define LEAVE 0x1d

/* Bytes read at once, and the most that wait for a guest that reads slowly. */
#define CHUNK 4096
#define MOST  (16 * CHUNK)

/* The time in which a terminal that took nothing, although poll() reported room, is left alone, in
 * milliseconds. */
#define PAUSE 50

struct relay {
    int console;
    bool keys;
    struct queue typed;
    bool ended;         /* the input */
    struct queue shown; /* read from the console and not written yet */
    int output;         /* -1: nobody reads it */
    bool full;
};

/* Reads input. Returns false if the user leaves. */
static bool read_input(struct relay *r)
{
    char bytes[CHUNK];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    r->ended = got <= 0;
    size_t count = got > 0 ? (size_t)got : 0;
    const char *leave = r->keys && count ? memchr(bytes, LEAVE, count) : NULL;
    queue_append(&r->typed, bytes, leave ? (size_t)(leave - bytes) : count);
    return !leave && !(r->keys && r->ended);
}

static void write_typed(struct relay *r)
{
    ssize_t put = write(r->console, queue_front(&r->typed), queue_length(&r->typed));
    bool gone = put < 0 && errno != EAGAIN && errno != EINTR;
    queue_drop(&r->typed, gone ? queue_length(&r->typed) : put > 0 ? (size_t)put : 0);
}

/* Reads what the guest has written. Returns false if QEMU has closed the console. */
static bool read_console(struct relay *r)
{
    char bytes[CHUNK];
    ssize_t got = read(r->console, bytes, sizeof bytes);
    if (got > 0)
        queue_append(&r->shown, bytes, (size_t)got);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Prints at most PIPE_BUF bytes, which a pipe that poll() reports writable accepts without
 * blocking; a terminal has been opened again for that. */
static void write_shown(struct relay *r)
{
    size_t length = queue_length(&r->shown);
    ssize_t put = write(r->output, queue_front(&r->shown), length < PIPE_BUF ? length : PIPE_BUF);
    r->full = put < 0 && errno == EAGAIN;
    if (put > 0)
        queue_drop(&r->shown, (size_t)put);
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        r->output = -1; /* the caller closes it */
}

/* Attends to everything once. Returns false at an end. */
static bool attend(struct relay *r, enum consolerelay_end *end)
{
    bool typed = queue_length(&r->typed) > 0;
    bool shown = queue_length(&r->shown) > 0;
    bool room = !r->ended && queue_length(&r->typed) < MOST;
    short wanted = (short)((typed ? POLLOUT : 0) | (shown ? 0 : POLLIN));
    struct pollfd polled[] = {{wanted ? r->console : -1, wanted, 0},
                              {room ? STDIN_FILENO : -1, POLLIN, 0},
                              {shown && !r->full ? r->output : -1, POLLOUT, 0},
                              {signals_fd(), POLLIN, 0}};
    *end = CONSOLERELAY_LEFT;
    if (poll(polled, ELEMENTS(polled), r->full ? PAUSE : -1) < 0)
        return errno == EINTR;
    r->full = false;
    if (polled[3].revents)
        *end = CONSOLERELAY_SIGNALLED;
    if (polled[3].revents || (polled[1].revents && !read_input(r)))
        return false;
    if (polled[2].revents)
        write_shown(r);
    if (typed && polled[0].revents)
        write_typed(r);
    if (shown || !(polled[0].revents & ~POLLOUT) || read_console(r))
        return r->output >= 0;
    *end = CONSOLERELAY_HUNG_UP;
    return false;
}

enum consolerelay_end consolerelay_run(int console, bool keys)
{
    int terminal CLEANUP_CLOSE = terminal_open_again(STDOUT_FILENO);
    struct relay relay = {
        .console = console, .keys = keys, .output = terminal >= 0 ? terminal : STDOUT_FILENO};
    enum consolerelay_end end;
    while (attend(&relay, &end))
        ;
    queue_free(&relay.typed);
    queue_free(&relay.shown);
    return end;
}
