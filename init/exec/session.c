/* SPDX-License-Identifier: MIT */
#include "init/exec/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "common/channel.h"
#include "init/exec/command.h"

/* After the command exits, its leftover processes get this long (ms) to react to SIGTERM, then this
 * long to die from SIGKILL. */
#define TERMINATION_TIME 2000
#define KILL_TIME        5000

/* Largest read or write, in bytes. */
#define CHUNK 32768

/* Ctrl-D, the end of input of a terminal. */
#define END_OF_TRANSMISSION 4

/* Most bytes of arguments and variables, with their terminating zeros: Linux takes no more in any
 * case (three quarters of the 8 MiB that a stack usually has), and the host may be broken. */
#define MOST_ARGUMENTS (6 << 20)

enum phase {
    OFFERING,    /* the host has not begun the session */
    RECEIVING,   /* the host sends the arguments */
    RUNNING,     /* the command runs */
    TERMINATING, /* the command has exited; its leftover processes have got SIGTERM */
    KILLING,     /* … and SIGKILL */
    REPORTED,    /* the last frame is queued; the host hangs up after it has received it */
};

struct session {
    const struct session_options *options;
    int port;
    int signals; /* SIGCHLD */
    struct channel channel;
    struct command command;
    enum phase phase;
    unsigned char token[FRAME_TOKEN];
    size_t argument_bytes;
    int64_t deadline; /* of TERMINATING and KILLING */
    unsigned char status;
    bool alone; /* no other process is left */
    bool hung_up;
};

/* Queues the last frame. */
static void report(struct session *s, enum frame_type type, const void *payload, size_t length)
{
    channel_put(&s->channel, type, payload, length);
    s->phase = REPORTED;
}

static void fail(struct session *s, const char *reason)
{
    log_error("%s", reason);
    report(s, FRAME_FAILED, reason, strlen(reason));
}

static void enter_phase(struct session *s, enum phase phase)
{
    bool terminating = phase == TERMINATING;
    s->phase = phase;
    s->deadline = clock_milliseconds() + (terminating ? TERMINATION_TIME : KILL_TIME);
    s->options->kill_all(terminating ? SIGTERM : SIGKILL);
    if (terminating)
        s->options->kill_all(SIGCONT); /* a stopped process does not handle SIGTERM */
}

/* Ends the session: the guest shuts down. */
static void terminate(struct session *s)
{
    if (s->phase == RUNNING)
        enter_phase(s, TERMINATING);
    else if (s->phase < RUNNING || s->phase == REPORTED)
        s->hung_up = true;
}

/* Reaps all children that have exited. */
static void reap(struct session *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) > 0)
        if (info.ssi_signo == SIGTERM && s->options->offered)
            terminate(s);
    for (;;) {
        int status = 0;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended < 0 && errno == EINTR)
            continue;
        s->alone = ended < 0;
        if (ended <= 0)
            return;
        if (ended != s->command.pid)
            continue;
        s->status =
            (unsigned char)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
        command_close(&s->command, STREAM_INPUT);
        channel_close(&s->channel, STREAM_INPUT);
        if (s->phase == RUNNING)
            enter_phase(s, TERMINATING);
    }
}

static void start(struct session *s, const struct frame *frame)
{
    struct error e CLEANUP_ERROR = {0};
    struct command *command = &s->command;
    command->terminal = frame_get_size(frame, &command->rows, &command->columns) == 0;
    if (command->arguments.count == 0 && s->options->offered)
        command_use_shell(command);
    if (command->arguments.count == 0) {
        fail(s, "the host sent no command");
        return;
    }
    if (command_start(command, &e) < 0) {
        fail(s, e.message);
        return;
    }
    s->phase = RUNNING;
    if (command->ends[STREAM_ERRORS] < 0)
        channel_send(&s->channel, STREAM_ERRORS, NULL, 0);
}

static void take_text(char **member, const struct frame *frame)
{
    free(*member);
    *member = xstrndup((const char *)frame->payload, frame->length);
}

static void take_argument(struct session *s, const struct frame *frame)
{
    if (s->phase != RECEIVING)
        return;
    s->argument_bytes += frame->length + 1;
    if (s->argument_bytes > MOST_ARGUMENTS) {
        fail(s, "the arguments and the environment of the command are too long for Linux");
        return;
    }
    struct strv *list =
        frame->type == FRAME_ARGUMENT ? &s->command.arguments : &s->command.variables;
    strv_take(list, xstrndup((const char *)frame->payload, frame->length));
}

static void deliver_signal(struct session *s, const struct frame *frame)
{
    if (s->phase == REPORTED)
        return;
    channel_put(&s->channel, FRAME_READY, NULL, 0);
    /* a child that has just been forked has no process group of its own yet */
    if (s->phase == RUNNING && frame->length == 1 && kill(-s->command.pid, frame->payload[0]) < 0)
        (void)kill(s->command.pid, frame->payload[0]);
}

static void hang_up(struct session *s, const char *reason)
{
    if (s->phase != REPORTED && s->phase != OFFERING)
        log_error("the connection to the host is lost: %s", reason);
    s->hung_up = true;
}

/* Begins the session. With another token the host that began this one has gone. */
static void begin(struct session *s, const struct frame *frame)
{
    bool ours = frame->length == FRAME_TOKEN &&
                (s->phase == OFFERING || memcmp(s->token, frame->payload, FRAME_TOKEN) == 0);
    if (!ours) {
        hang_up(s, "another session begins");
        return;
    }
    if (s->phase != OFFERING)
        return;
    (void)memcpy(s->token, frame->payload, FRAME_TOKEN);
    channel_put(&s->channel, FRAME_READY, s->token, FRAME_TOKEN);
    s->phase = RECEIVING;
}

/* Sets the size of the command's terminal, or, in a session without a command, the console's. */
static void resize(struct session *s, const struct frame *frame)
{
    struct winsize size = {0};
    if (frame_get_size(frame, &size.ws_row, &size.ws_col) < 0)
        return;
    if (s->phase != RECEIVING || !s->options->offered) {
        command_resize(&s->command, size.ws_row, size.ws_col);
        return;
    }
    if (ioctl(s->options->console, TIOCSWINSZ, &size) < 0)
        report(s, FRAME_FAILED, strerror(errno), strlen(strerror(errno)));
    else
        report(s, FRAME_EXIT, &s->status, sizeof s->status);
}

static void handle(struct session *s, const struct frame *frame)
{
    switch ((int)frame->type) {
    case FRAME_SESSION:
        begin(s, frame);
        return;
    case FRAME_ARGUMENT:
    case FRAME_VARIABLE:
        take_argument(s, frame);
        return;
    case FRAME_DIRECTORY:
        take_text(&s->command.directory, frame);
        return;
    case FRAME_USER:
        take_text(&s->command.user, frame);
        return;
    case FRAME_SEPARATE:
        s->command.separate = true;
        return;
    case FRAME_START:
        if (s->phase == RECEIVING)
            start(s, frame);
        return;
    case FRAME_RESIZE:
        resize(s, frame);
        return;
    case FRAME_SIGNAL:
        deliver_signal(s, frame);
        return;
    }
}

static void read_port(struct session *s)
{
    size_t room = CHUNK;
    unsigned char *bytes = frame_reader_room(&s->channel.incoming, &room);
    ssize_t got = read(s->port, bytes, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        hang_up(s, got == 0 ? "the host has hung up" : strerror(errno));
        return;
    }
    frame_reader_fill(&s->channel.incoming, (size_t)got);
    struct error e CLEANUP_ERROR = {0};
    struct frame frame;
    int r = 0;
    while (!s->hung_up && (r = channel_next(&s->channel, &frame, &e)) == 1)
        handle(s, &frame);
    if (r < 0)
        hang_up(s, e.message);
}

static void write_port(struct session *s)
{
    struct queue *outgoing = &s->channel.outgoing;
    size_t length = queue_length(outgoing);
    ssize_t put = write(s->port, queue_front(outgoing), length < CHUNK ? length : CHUNK);
    if (put > 0)
        queue_drop(outgoing, (size_t)put);
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        hang_up(s, strerror(errno));
}

static void attend_port(struct session *s, short events)
{
    if (events & POLLIN)
        read_port(s);
    else if (events & (POLLHUP | POLLERR))
        hang_up(s, "the host has hung up");
    if (!s->hung_up && events & POLLOUT)
        write_port(s);
}

static void write_input(struct session *s)
{
    struct queue *received = &s->channel.streams[STREAM_INPUT].received;
    ssize_t put =
        write(s->command.ends[STREAM_INPUT], queue_front(received), queue_length(received));
    if (put > 0)
        channel_take(&s->channel, STREAM_INPUT, (size_t)put);
    else if (put < 0 && errno != EAGAIN && errno != EINTR)
        channel_close(&s->channel, STREAM_INPUT);
}

/* Ends the command's input: closes a pipe; sends Ctrl-D to a terminal, which cannot be closed. */
static void end_input(struct session *s)
{
    struct stream *input = &s->channel.streams[STREAM_INPUT];
    if (s->command.terminal && !input->closed) {
        const unsigned char end = END_OF_TRANSMISSION;
        (void)!write(s->command.ends[STREAM_INPUT], &end, sizeof end);
    }
    command_close(&s->command, STREAM_INPUT);
}

static void attend_input(struct session *s, short events)
{
    struct stream *input = &s->channel.streams[STREAM_INPUT];
    if (queue_length(&input->received) > 0 && events & (POLLOUT | POLLERR | POLLHUP))
        write_input(s);
    else if (events & (POLLERR | POLLHUP))
        channel_close(&s->channel, STREAM_INPUT);
    if (s->command.ends[STREAM_INPUT] >= 0 && queue_length(&input->received) == 0 &&
        (input->ended || input->closed))
        end_input(s);
}

static void end_output(struct session *s, enum stream_name name)
{
    command_close(&s->command, name);
    channel_send(&s->channel, name, NULL, 0);
}

static void attend_output(struct session *s, enum stream_name name, short events)
{
    int fd = s->command.ends[name];
    unsigned char bytes[CHUNK];
    if (fd >= 0 && s->channel.streams[name].closed) {
        end_output(s, name);
        if (s->command.terminal && name == STREAM_OUTPUT)
            command_close(&s->command, STREAM_INPUT); /* hangs up the terminal */
        return;
    }
    size_t room = channel_room(&s->channel, name);
    if (fd < 0 || !events || room == 0)
        return;
    ssize_t got = read(fd, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (got > 0)
        channel_send(&s->channel, name, bytes, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        end_output(s, name); /* EIO: no process has the terminal open */
}

/* Enters the next phase if no process is left or the deadline has passed. */
static void advance(struct session *s)
{
    if (s->phase != TERMINATING && s->phase != KILLING)
        return;
    bool late = !s->alone && clock_milliseconds() >= s->deadline;
    if (late && s->phase == TERMINATING) {
        enter_phase(s, KILLING);
        return;
    }
    if (late) { /* a process that cannot be killed may keep a stream open for ever */
        end_output(s, STREAM_OUTPUT);
        end_output(s, STREAM_ERRORS);
    }
    if ((s->alone || late) && s->command.ends[STREAM_OUTPUT] < 0 &&
        s->command.ends[STREAM_ERRORS] < 0)
        report(s, FRAME_EXIT, &s->status, sizeof s->status);
}

enum poll_slot { PORT, SIGNALS, ENDS, SLOTS = ENDS + STREAM_COUNT };

static void choose_events(const struct session *s, struct pollfd polled[SLOTS])
{
    const struct channel *channel = &s->channel;
    bool outgoing = queue_length(&channel->outgoing) > 0;
    polled[PORT] = (struct pollfd){s->port, (short)(POLLIN | (outgoing ? POLLOUT : 0)), 0};
    polled[SIGNALS] = (struct pollfd){s->signals, POLLIN, 0};
    /* A pty master reports POLLHUP while no slave is open, so it is polled only when there is input
     * to write. A stream whose window is full is left out: poll() reports POLLHUP even with
     * events = 0, and the loop would spin. */
    bool input = queue_length(&channel->streams[STREAM_INPUT].received) > 0;
    polled[ENDS + STREAM_INPUT] = (struct pollfd){
        input || !s->command.terminal ? s->command.ends[STREAM_INPUT] : -1, input ? POLLOUT : 0, 0};
    for (int i = STREAM_OUTPUT; i < STREAM_COUNT; i++)
        polled[ENDS + i] = (struct pollfd){
            channel_room(channel, (enum stream_name)i) > 0 ? s->command.ends[i] : -1, POLLIN, 0};
}

static int time_left(const struct session *s)
{
    if (s->alone || (s->phase != TERMINATING && s->phase != KILLING))
        return -1;
    return clock_left(s->deadline);
}

static void run(struct session *s)
{
    while (!s->hung_up) {
        struct pollfd polled[SLOTS];
        choose_events(s, polled);
        if (poll(polled, SLOTS, time_left(s)) < 0 && errno != EINTR)
            hang_up(s, strerror(errno));
        attend_port(s, polled[PORT].revents);
        if (polled[SIGNALS].revents)
            reap(s);
        attend_input(s, polled[ENDS + STREAM_INPUT].revents);
        attend_output(s, STREAM_OUTPUT, polled[ENDS + STREAM_OUTPUT].revents);
        attend_output(s, STREAM_ERRORS, polled[ENDS + STREAM_ERRORS].revents);
        advance(s);
    }
}

int session_open_signals(struct error *e)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? error_errno(e, errno, "signals cannot be received") : fd;
}

void session_serve(int port, int signals, const struct session_options *options)
{
    struct session s = {.options = options, .port = port, .signals = signals};
    channel_init(&s.channel, CHANNEL_GUEST);
    command_init(&s.command);
    s.command.system = options->system;
    s.phase = options->offered ? OFFERING : RECEIVING;
    if (options->offered)
        channel_put(&s.channel, FRAME_OFFER, FRAME_OFFERED, FRAME_TOKEN);
    run(&s);
    command_free(&s.command);
    channel_free(&s.channel);
}
