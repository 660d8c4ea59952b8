/* SPDX-License-Identifier: MIT */
#include "host/run/session.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/run/consoletail.h"
#include "host/system/signals.h"
#include "host/system/terminal.h"

#define CHUNK 65536

/* In milliseconds: the time that a reader of the output has after the user ended the session, and
 * the pause before the next attempt to write to a terminal that poll() reports writable, but is
 * full. */
#define READER_TIME  1000
#define READER_PAUSE 50

/* Ctrl-] three times in a row ends a session whose terminal does not react. */
#define ESCAPE       0x1d
#define ESCAPE_COUNT 3

/* Bytes of the longest $TERM that is passed on: a longer one names no terminal. */
#define TERM_MAX 256

/* Ends the session after the last frame. The guest waits for the connection to be closed. */
static void finish(struct session *s)
{
    s->done = true;
    cleanup_close(&s->connection);
}

static void put_size(struct session *s, enum frame_type type)
{
    struct winsize size = {0};
    unsigned char payload[FRAME_SIZE_LENGTH];
    (void)ioctl(s->ends[STREAM_INPUT], TIOCGWINSZ, &size);
    frame_put_size(payload, size.ws_row, size.ws_col);
    channel_put(&s->channel, type, payload, sizeof payload);
}

static void put_text(struct session *s, enum frame_type type, const char *text)
{
    if (text)
        channel_put(&s->channel, type, text, strlen(text));
}

/* Goes before the command's own variables, which replace it. */
static void put_terminal_type(struct session *s)
{
    const char *term = getenv("TERM");
    if (!term || strlen(term) >= TERM_MAX)
        return;
    char *variable CLEANUP_FREE = xasprintf("TERM=%s", term);
    put_text(s, FRAME_VARIABLE, variable);
}

int session_thaw(struct session *s, struct error *e)
{
    struct frame_thaw thaw = {0};
    struct timespec now = {0};
    unsigned char payload[FRAME_THAW_LENGTH];
    if (getrandom(thaw.seed, sizeof thaw.seed, 0) != sizeof thaw.seed ||
        getrandom(thaw.mac, sizeof thaw.mac, 0) != sizeof thaw.mac)
        return error_errno(e, errno, "no random bytes for the guest");
    thaw.mac[0] = (unsigned char)((thaw.mac[0] & 0xfc) | 2); /* one card's, and of no maker */
    (void)clock_gettime(CLOCK_REALTIME, &now);
    thaw.time = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    frame_put_thaw(payload, &thaw);
    channel_put(&s->channel, FRAME_THAW, payload, sizeof payload);
    s->warm.frozen = false;
    return 0;
}

void session_request(struct session *s, const struct guestcommand *command)
{
    for (size_t i = 0; i < command->arguments.count; i++)
        put_text(s, FRAME_ARGUMENT, command->arguments.items[i]);
    if (s->terminal)
        put_terminal_type(s);
    for (size_t i = 0; i < command->variables.count; i++)
        put_text(s, FRAME_VARIABLE, command->variables.items[i]);
    put_text(s, FRAME_DIRECTORY, command->directory);
    put_text(s, FRAME_USER, command->user);
    if (s->terminal && !isatty(s->ends[STREAM_ERRORS]))
        channel_put(&s->channel, FRAME_SEPARATE, NULL, 0);
    if (s->terminal)
        put_size(s, FRAME_START);
    else
        channel_put(&s->channel, FRAME_START, NULL, 0);
}

/* Makes the terminal raw, so that every key goes to the guest's, Ctrl-C too. */
static void become_raw(const struct session *s)
{
    struct termios settings;
    if (!s->terminal || tcgetattr(s->ends[STREAM_INPUT], &settings) < 0)
        return;
    cfmakeraw(&settings);
    (void)tcsetattr(s->ends[STREAM_INPUT], TCSADRAIN, &settings);
}

static int handle(struct session *s, const struct frame *frame, struct error *e)
{
    switch ((int)frame->type) {
    case FRAME_FROZEN:
        if (!s->warm.waits)
            break;
        s->warm.frozen = true;
        return 0;
    case FRAME_THAWED:
        if (!s->warm.waits)
            break;
        s->warm.waits = false;
        s->warm.begun = true;
        return 0;
    case FRAME_READY:
        if (!s->ready)
            become_raw(s);
        s->ready = true;
        s->unheard = false;
        return 0;
    case FRAME_EXIT:
        if (frame->length != 1)
            break;
        s->status = frame->payload[0];
        finish(s);
        return 0;
    case FRAME_OFFER:
        return error_set(e, -EPROTO, FRAME_PORT ": the guest's agent has ended the session");
    case FRAME_FAILED:
        s->reason = consoletail_clean(frame->payload, frame->length);
        finish(s);
        return 0;
    }
    return error_set(e, -EPROTO,
                     "%s: protocol error: unexpected frame from the guest (type %d, %zu bytes)",
                     FRAME_PORT, (int)frame->type, frame->length);
}

int session_read(struct session *s, struct error *e)
{
    struct frame frame;
    int r = 1;
    while (r == 1 && !s->done) {
        r = channel_next(&s->channel, &frame, e);
        if (r == 1 && handle(s, &frame, e) < 0)
            r = -EPROTO;
    }
    return r;
}

static int read_connection(struct session *s, struct error *e)
{
    size_t room = CHUNK;
    unsigned char *bytes = frame_reader_room(&s->channel.incoming, &room);
    ssize_t got = recv(s->connection, bytes, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        cleanup_close(&s->connection); /* QEMU is ending */
        return 0;
    }
    frame_reader_fill(&s->channel.incoming, (size_t)got);
    return session_read(s, e);
}

static void write_connection(struct session *s)
{
    struct queue *outgoing = &s->channel.outgoing;
    ssize_t put = send(s->connection, queue_front(outgoing), queue_length(outgoing), MSG_NOSIGNAL);
    if (put > 0)
        queue_drop(outgoing, (size_t)put);
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        cleanup_close(&s->connection);
}

static int attend_connection(struct session *s, short events, struct error *e)
{
    int r = 0;
    if (events & (POLLIN | POLLHUP | POLLERR))
        r = read_connection(s, e);
    if (r >= 0 && s->connection >= 0 && events & POLLOUT)
        write_connection(s);
    return r < 0 ? r : 0;
}

/* True if the user has typed the escape that ends the guest. */
static bool is_escape(struct session *s, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; s->terminal && i < count && s->escapes < ESCAPE_COUNT; i++)
        s->escapes = bytes[i] == ESCAPE ? s->escapes + 1 : 0;
    return s->escapes >= ESCAPE_COUNT;
}

/* Reads input. Keys typed on a terminal are read even if the guest accepts none, since they may
 * contain the escape. */
static int read_input(struct session *s, struct error *e)
{
    unsigned char bytes[CHUNK];
    size_t room = channel_room(&s->channel, STREAM_INPUT);
    size_t wanted = s->terminal || room > sizeof bytes ? sizeof bytes : room;
    /* what was queued since poll() may have taken the room: no byte is not the end */
    if (wanted == 0)
        return 0;
    ssize_t got = read(s->ends[STREAM_INPUT], bytes, wanted);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        channel_send(&s->channel, STREAM_INPUT, NULL, 0);
        s->ends[STREAM_INPUT] = -1;
        return 0;
    }
    size_t count = (size_t)got < room ? (size_t)got : room;
    if (count > 0)
        channel_send(&s->channel, STREAM_INPUT, bytes, count);
    if (!is_escape(s, bytes, (size_t)got))
        return 0;
    s->signal = SIGINT;
    return error_set(e, -ECANCELED, "ended by Ctrl-], typed %d times", ESCAPE_COUNT);
}

/* Notes whether the output sets modes of the terminal, or resets some. */
static void watch_modes(struct session *s, const unsigned char *bytes, size_t count)
{
    static const unsigned char beginning[] = {'\033', '[', '?'};
    for (size_t i = 0; s->terminal && i < count && !s->modes; i++) {
        s->matched = bytes[i] == beginning[s->matched] ? s->matched + 1 : bytes[i] == *beginning;
        s->modes = s->matched == sizeof beginning;
    }
}

/* Writes at most PIPE_BUF bytes, which a pipe that poll() reports writable accepts without
 * blocking. O_NONBLOCK is no way: it would apply to all users of the file behind a standard stream.
 */
static void write_output(struct session *s, enum stream_name name)
{
    struct queue *received = &s->channel.streams[name].received;
    size_t length = queue_length(received);
    ssize_t put =
        write(s->ends[name], queue_front(received), length < PIPE_BUF ? length : PIPE_BUF);
    if (put >= 0) {
        watch_modes(s, queue_front(received), (size_t)put);
        channel_take(&s->channel, name, (size_t)put);
        return;
    }
    if (errno == EAGAIN || errno == EINTR)
        return;
    if (errno != EPIPE)
        s->write_error = errno;
    channel_close(&s->channel, name);
    s->ends[name] = -1;
}

static void attend_output(struct session *s, enum stream_name name, short events)
{
    if (s->ends[name] < 0 || !events)
        return;
    if (queue_length(&s->channel.streams[name].received) > 0) {
        write_output(s, name);
        return;
    }
    channel_close(&s->channel, name); /* its reader has gone */
    s->ends[name] = -1;
}

static void take_resizes(struct session *s)
{
    struct signalfd_siginfo info;
    while (read(s->resizes, &info, sizeof info) > 0)
        ;
    if (s->connection >= 0 && s->ends[STREAM_INPUT] >= 0)
        put_size(s, FRAME_RESIZE);
}

enum slot {
    CONNECTION = SESSION_CONNECTION,
    RESIZES,
    ENDS,
    SLOTS = ENDS + STREAM_COUNT,
};
_Static_assert(SLOTS == SESSION_POLLED, "the caller polls as many");

/* Leaves out what leads to frames: a guest that waits takes FRAME_THAW for its first one. */
static void hold_frames(struct pollfd polled[SESSION_POLLED])
{
    for (size_t i = RESIZES; i < SLOTS; i++)
        polled[i].fd = -1;
}

static struct pollfd output_events(const struct session *s, enum stream_name name)
{
    bool waits = queue_length(&s->channel.streams[name].received) > 0;
    return (struct pollfd){s->ends[name], waits ? POLLOUT : 0, 0};
}

void session_choose(const struct session *s, struct pollfd polled[SESSION_POLLED])
{
    bool outgoing = queue_length(&s->channel.outgoing) > 0;
    bool connected = s->connection >= 0;
    /* the terminal is raw: after the guest has closed the connection only the escape can end it */
    bool input =
        s->ready && (s->terminal || (connected && channel_room(&s->channel, STREAM_INPUT) > 0));
    polled[CONNECTION] = (struct pollfd){s->connection,
                                         (short)((channel_listens(&s->channel) ? POLLIN : 0) |
                                                 (connected && outgoing ? POLLOUT : 0)),
                                         0};
    polled[RESIZES] = (struct pollfd){s->resizes, POLLIN, 0};
    polled[ENDS + STREAM_INPUT] = (struct pollfd){input ? s->ends[STREAM_INPUT] : -1, POLLIN, 0};
    polled[ENDS + STREAM_OUTPUT] = output_events(s, STREAM_OUTPUT);
    polled[ENDS + STREAM_ERRORS] = output_events(s, STREAM_ERRORS);
    if (s->warm.waits)
        hold_frames(polled);
}

int session_attend(struct session *s, const struct pollfd *polled, struct error *e)
{
    int r = polled[CONNECTION].revents ? attend_connection(s, polled[CONNECTION].revents, e) : 0;
    if (polled[RESIZES].revents)
        take_resizes(s);
    attend_output(s, STREAM_OUTPUT, polled[ENDS + STREAM_OUTPUT].revents);
    attend_output(s, STREAM_ERRORS, polled[ENDS + STREAM_ERRORS].revents);
    if (r == 0 && polled[ENDS + STREAM_INPUT].revents)
        r = read_input(s, e);
    return r;
}

void session_fail(struct session *s, struct error *e)
{
    free(s->reason);
    s->reason = TAKE(e->message);
    finish(s);
}

bool session_signal(struct session *s, int number)
{
    unsigned char payload = (unsigned char)number;
    s->signal = number;
    if (!s->ready || s->signals++ > 0)
        return false;
    if (s->done)
        return true;
    channel_put(&s->channel, FRAME_SIGNAL, &payload, sizeof payload);
    s->unheard = true;
    return true;
}

static size_t waiting_output(const struct session *s)
{
    return queue_length(&s->channel.streams[STREAM_OUTPUT].received) +
           queue_length(&s->channel.streams[STREAM_ERRORS].received);
}

/* Writes the output that its readers have not accepted before the session ended. */
static void write_rest(struct session *s)
{
    /* no second signal is needed to give up after the user has ended the guest */
    int left = s->signal && s->status < 0 ? READER_TIME : -1;
    for (;;) {
        struct pollfd polled[] = {output_events(s, STREAM_OUTPUT),
                                  output_events(s, STREAM_ERRORS),
                                  {signals_fd(), POLLIN, 0}};
        if (!polled[0].events)
            polled[0].fd = -1;
        if (!polled[1].events)
            polled[1].fd = -1;
        if (polled[0].fd < 0 && polled[1].fd < 0)
            return;
        size_t before = waiting_output(s);
        int ready = poll(polled, ELEMENTS(polled), left);
        if (ready == 0 || (ready < 0 && errno != EINTR) || polled[2].revents)
            return;
        attend_output(s, STREAM_OUTPUT, polled[0].revents);
        attend_output(s, STREAM_ERRORS, polled[1].revents);
        if (waiting_output(s) < before)
            continue;
        if (poll(&polled[2], 1, READER_PAUSE) != 0)
            return; /* a signal: the user does not wait any longer */
        if (left >= 0 && (left -= READER_PAUSE) <= 0)
            return;
    }
}

void session_end_output(struct session *s)
{
    write_rest(s);
    if (s->modes)
        terminal_end_modes();
}

/* Opens a descriptor that reports changes of the terminal's size; -1: none can be had. `before`
 * becomes the signal mask to be restored. */
static int open_resizes(sigset_t *before)
{
    sigset_t resizes;
    (void)sigemptyset(&resizes);
    (void)sigaddset(&resizes, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &resizes, before);
    return signalfd(-1, &resizes, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* poll() may report a terminal writable although it has less room than is about to be written, and
 * a blocking write would stall the event loop. Reopens it non-blocking and makes `fd` that
 * descriptor, which is returned for the caller to close; -1 if `fd` is not a terminal. */
static int reopen(int *fd)
{
    int again = terminal_open_again(*fd);
    if (again >= 0)
        *fd = again;
    return again;
}

void session_open(struct session *s, const struct session_streams *streams)
{
    *s = (struct session){.connection = -1,
                          .resizes = -1,
                          .ends = {streams->input, streams->output, streams->errors},
                          .terminal = isatty(streams->input) && isatty(streams->output),
                          .status = -1};
    (void)sigprocmask(SIG_BLOCK, NULL, &s->mask);
    s->pipes = signal(SIGPIPE, SIG_IGN);
    if (s->terminal)
        s->resizes = open_resizes(&s->mask);
    s->reopened[0] = reopen(&s->ends[STREAM_OUTPUT]);
    s->reopened[1] = reopen(&s->ends[STREAM_ERRORS]);
    channel_init(&s->channel, CHANNEL_HOST);
}

void session_close(struct session *s)
{
    cleanup_close(&s->connection);
    cleanup_close(&s->resizes);
    cleanup_close(&s->reopened[0]);
    cleanup_close(&s->reopened[1]);
    channel_free(&s->channel);
    free(s->reason);
    (void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
    (void)signal(SIGPIPE, s->pipes);
}
