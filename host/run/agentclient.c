/* SPDX-License-Identifier: MIT */
#include "host/run/agentclient.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "host/run/handshake.h"
#include "host/run/keeper.h"
#include "host/system/signals.h"
#include "host/system/terminal.h"
#include "host/system/unixsocket.h"

/* Times in milliseconds: how long a port has to answer before the next one is tried, at first and
 * at most; and the pause if all are in use. */
#define FIRST_TIME 500
#define MOST_TIME  4000
#define BUSY_PAUSE 100

struct client {
    const struct agentclient_machine *machine;
    int lock; /* of the port in use; -1: none */
    int port;
    int connection;
    struct handshake handshake;
};

/* The socket of a port; the caller frees. Its number takes the place of the last character. */
static char *port_path(const struct client *client, int port, const char *suffix)
{
    const char *first = client->machine->socket;
    return xasprintf("%.*s%d%s", (int)strlen(first) - 1, first, port, suffix);
}

/* Takes the port for this process, which keeps it as long as it lives. Returns false if another one
 * has it; errno is EWOULDBLOCK then. */
static bool take_port(struct client *client, int port)
{
    char *path CLEANUP_FREE = port_path(client, port, ".lock");
    client->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (client->lock < 0)
        return false;
    if (flock(client->lock, LOCK_EX | LOCK_NB) == 0) {
        client->port = port;
        return true;
    }
    int reason = errno;
    cleanup_close(&client->lock);
    errno = reason;
    return false;
}

/* Takes the next free port after the last one, whose session may not have ended in the guest, and
 * connects to QEMU. Returns 0, -EBUSY if none is free, or another negative errno. */
static int open_port(struct client *client)
{
    for (int i = 1; i <= FRAME_AGENT_PORTS; i++) {
        if (!take_port(client, (client->port + i) % FRAME_AGENT_PORTS)) {
            if (errno != EWOULDBLOCK)
                return -errno;
            continue;
        }
        char *path CLEANUP_FREE = port_path(client, client->port, "");
        client->connection = unixsocket_connect(path);
        return client->connection < 0 ? client->connection : 0;
    }
    return -EBUSY;
}

static void close_port(struct client *client)
{
    cleanup_close(&client->connection);
    cleanup_close(&client->lock);
}

/* Waits for input on `fd` until the deadline. Returns 1, 0 at the deadline, or -ECANCELED with the
 * reason after a signal. */
static int wait_for(int fd, int64_t deadline, struct error *e)
{
    struct pollfd polled[] = {{fd, POLLIN, 0}, {signals_fd(), POLLIN, 0}};
    int ready = poll(polled, ELEMENTS(polled), clock_left(deadline));
    if (ready > 0 && polled[1].revents)
        return signals_check(e) < 0 ? -ECANCELED : 0;
    return ready > 0;
}

static void send_beginning(struct client *client)
{
    (void)!send(client->connection, client->handshake.begin, HANDSHAKE_MARK, MSG_NOSIGNAL);
}

/* Reads from the port. Returns 1 when the agent is ready, 0 if it is not yet, -EPIPE if QEMU has
 * closed the connection. */
static int read_answer(struct client *client)
{
    struct handshake *h = &client->handshake;
    ssize_t got = recv(client->connection, h->bytes + h->used, sizeof h->bytes - h->used, 0);
    if (got == 0)
        return -EPIPE;
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
    h->used += (size_t)got;
    enum handshake_found found;
    while ((found = handshake_next(h)) == HANDSHAKE_OFFER)
        send_beginning(client);
    return found == HANDSHAKE_READY;
}

/* Begins a session on the port. Returns 1, 0 if there was no answer until the deadline, or a
 * negative errno; -ECANCELED with the reason. */
static int shake_hands(struct client *client, int64_t deadline, struct error *e)
{
    handshake_init(&client->handshake);
    send_beginning(client);
    for (;;) {
        int r = wait_for(client->connection, deadline, e);
        if (r == 1)
            r = read_answer(client);
        if (r != 0 || clock_milliseconds() >= deadline)
            return r;
    }
}

/* True if there is no socket because QEMU has not made it yet. */
static bool starts(const struct client *client, int reason)
{
    return (reason == -ENOENT || reason == -ECONNREFUSED) &&
           registry_is_running(client->machine->found);
}

/* Finds a port on which the agent answers. Returns 0, or a negative errno; -ECANCELED with the
 * reason. */
static int reach(struct client *client, struct error *e)
{
    int64_t now = clock_milliseconds();
    int64_t end = client->machine->end;
    int64_t time = FIRST_TIME;
    bool busy;
    if (end < now + FIRST_TIME) /* an agent that is ready answers also if there is no time left */
        end = now + FIRST_TIME;
    do {
        int r = open_port(client);
        busy = r == -EBUSY;
        if (busy || (r < 0 && starts(client, r))) {
            r = wait_for(-1, now + BUSY_PAUSE, e);
        } else {
            if (r == 0)
                r = shake_hands(client, now + time < end ? now + time : end, e);
            if (r != 0)
                return r < 0 ? r : 0;
            time = time * 2 < MOST_TIME ? time * 2 : MOST_TIME;
        }
        close_port(client);
        if (r < 0)
            return r;
        now = clock_milliseconds();
    } while (now < end);
    return busy ? -EBUSY : -ETIMEDOUT;
}

static int explain(const struct agentclient_machine *machine, int reason, struct error *e)
{
    switch (reason) {
    case -ECANCELED:
        return reason;
    case -EBUSY:
        return error_set(e, reason,
                         "%s: %d commands of run-vm exec run in the machine already; wait until "
                         "one has ended",
                         machine->found->name, FRAME_AGENT_PORTS);
    case -ETIMEDOUT:
        return error_set(e, reason,
                         "%s: no agent answers in the guest: it is still booting, or has none "
                         "(another init, or the agent was killed); run-vm exec --wait SECONDS "
                         "waits longer than %d s",
                         machine->found->name, machine->patience / 1000);
    case -EPIPE:
    case -ENOENT:
    case -ECONNREFUSED:
        return error_set(e, reason, "%s: the machine has ended", machine->found->name);
    default:
        return error_errno(e, -reason, "%s: its agent cannot be reached (%s)", machine->found->name,
                           machine->socket);
    }
}

/* Passes the answer, and what follows it, to the session. */
static void begin(struct client *client, struct session *s)
{
    struct handshake *h = &client->handshake;
    size_t room = h->used;
    (void)memcpy(frame_reader_room(&s->channel.incoming, &room), h->bytes, h->used);
    frame_reader_fill(&s->channel.incoming, h->used);
    s->connection = client->connection;
    client->connection = -1;
}

/* Returns false if the user wants the session to end at once. */
static bool take_signal(struct session *s)
{
    int number = signals_take_request(&s->requested);
    return number == 0 || session_signal(s, number);
}

/* Waits for events. A guest that is sent a signal has `patience` to accept it, until `deadline`,
 * which is 0 before that. Returns 0, 1 if the wait was interrupted, or a negative errno with the
 * reason. */
static int wait_for_events(const struct session *s, struct pollfd *polled, int patience,
                           int64_t *deadline, struct error *e)
{
    if (!s->unheard)
        *deadline = 0;
    else if (!*deadline)
        *deadline = clock_milliseconds() + patience;
    int left = *deadline ? clock_left(*deadline) : -1;
    session_choose(s, polled);
    polled[SESSION_POLLED] = (struct pollfd){signals_fd(), POLLIN, 0};
    int ready = poll(polled, SESSION_POLLED + 1, left);
    if (ready == 0 || left == 0)
        return error_set(e, -ETIMEDOUT,
                         "the guest hangs, or is paused: it has not accepted the "
                         "signal");
    return ready > 0 || errno == EINTR ? ready < 0 : error_errno(e, errno, "poll");
}

static void serve(struct session *s, int patience)
{
    struct error e CLEANUP_ERROR = {0};
    int64_t deadline = 0;
    int r = session_read(s, &e);
    while (r >= 0 && !s->done && s->connection >= 0) {
        struct pollfd polled[SESSION_POLLED + 1];
        r = wait_for_events(s, polled, patience, &deadline, &e);
        if (r != 0)
            continue;
        r = session_attend(s, polled, &e);
        if (polled[SESSION_POLLED].revents && !take_signal(s))
            break;
    }
    if (r < 0)
        session_fail(s, &e);
}

static int result(const struct agentclient_machine *machine, const struct guestcommand *command,
                  const struct session *s, struct error *e)
{
    const char *what = command->arguments.count ? command->arguments.items[0] : "the shell";
    int status = s->signal ? 128 + s->signal : STATUS_AGENT_FAILED;
    if (s->status >= 0 && s->write_error)
        (void)error_errno(e, s->write_error, "cannot write the command's output");
    else if (s->status >= 0)
        return s->status;
    else if (s->reason)
        (void)error_set(e, -ECANCELED, "%s: no exit status: %s", what, s->reason);
    else if (s->signal)
        (void)error_set(e, -ECANCELED, "%s: no exit status: run-vm got signal %d", what, s->signal);
    else
        (void)error_set(e, -ECANCELED, "%s: no exit status: the machine %s has ended", what,
                        machine->found->name);
    return error_status(e, -ECANCELED, s->write_error ? STATUS_AGENT_FAILED : status);
}

/* A client begins anywhere: the session that was last on a port may still be ending in the guest.
 */
static struct client make_client(const struct agentclient_machine *machine)
{
    return (struct client){
        .machine = machine, .lock = -1, .connection = -1, .port = getpid() % FRAME_AGENT_PORTS};
}

int agentclient_run(const struct agentclient_machine *machine, const struct guestcommand *command,
                    const struct session_streams *streams, struct error *e)
{
    struct client client = make_client(machine);
    int r = reach(&client, e);
    if (r < 0) {
        close_port(&client);
        r = explain(machine, r, e);
        return r == -ECANCELED ? r : error_status(e, r, STATUS_AGENT_FAILED);
    }
    const struct strv none = {0};
    struct keeper keeper CLEANUP_KEEPER = {.fd = -1, .shows_guest = true};
    struct terminal terminal;
    struct session s;
    terminal_save(&terminal);
    session_open(&s, streams);
    if (s.terminal)
        keeper_start(&keeper, &none, NULL);
    begin(&client, &s);
    session_request(&s, command);
    serve(&s, machine->patience);
    terminal_restore(&terminal);
    session_end_output(&s);
    r = result(machine, command, &s, e);
    session_close(&s);
    close_port(&client);
    return r;
}

int agentclient_resize_console(const struct agentclient_machine *machine, uint16_t rows,
                               uint16_t columns, struct error *e)
{
    static const struct session_streams none = {-1, -1, -1};
    struct client client = make_client(machine);
    unsigned char payload[FRAME_SIZE_LENGTH];
    struct session s;
    int r = reach(&client, e);
    if (r == 0) {
        session_open(&s, &none);
        begin(&client, &s);
        frame_put_size(payload, rows, columns);
        channel_put(&s.channel, FRAME_RESIZE, payload, sizeof payload);
        serve(&s, machine->patience);
        r = s.status == 0 ? 0
                          : error_set(e, -EIO, "%s: its console has no size", machine->found->name);
        session_close(&s);
    }
    close_port(&client);
    return r < 0 && r != -EIO ? explain(machine, r, e) : r;
}
