/* SPDX-License-Identifier: MIT */
#include "host/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/alloc.h"
#include "host/clock.h"

/* An answer or event longer than this is not from QEMU: the longest we ask for has 100 bytes. */
#define LINE_SIZE 65536

struct connection {
    int fd;
    int64_t deadline; /* milliseconds on the monotonic clock */
    size_t filled;
    char text[LINE_SIZE];
};

/* Waits until `events` are there. 0, or -ETIMEDOUT. */
static int wait_for(const struct connection *connection, short events)
{
    for (;;) {
        int64_t left = connection->deadline - clock_milliseconds();
        struct pollfd polled = {.fd = connection->fd, .events = events};
        int ready = left > 0 ? poll(&polled, 1, (int)left) : 0;
        if (ready > 0)
            return 0;
        if (ready == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

/* Sockets' addresses hold 108 bytes, paths any number: the directory stands in as a descriptor. */
static int connect_to(struct connection *connection, const char *path)
{
    char *directory CLEANUP_FREE = xstrdup(path);
    char *slash = strrchr(directory, '/');
    const char *name = slash ? slash + 1 : directory;
    if (slash)
        *slash = '\0';
    const char *parent = !slash ? "." : *directory ? directory : "/";
    int at CLEANUP_CLOSE = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", at, name);
    if (length < 0 || (size_t)length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd < 0)
        return -errno;
    /* EAGAIN: the backlog is full, somebody else talks to the monitor */
    return connect(connection->fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno
                                                                                          : 0;
}

static int send_text(const struct connection *connection, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t sent = send(connection->fd, text, left, MSG_NOSIGNAL);
        if (sent >= 0) {
            text += sent;
            left -= (size_t)sent;
        } else if (errno == EAGAIN) {
            int r = wait_for(connection, POLLOUT);
            if (r < 0)
                return r;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* The next line as JSON; NULL at its end, with `code` set. */
static json_t *receive(struct connection *connection, int *code)
{
    for (;;) {
        char *end = memchr(connection->text, '\n', connection->filled);
        if (end) {
            size_t length = (size_t)(end - connection->text) + 1;
            json_t *message = json_loadb(connection->text, length, 0, NULL);
            connection->filled -= length;
            memmove(connection->text, end + 1, connection->filled);
            *code = message ? 0 : -EPROTO;
            return message;
        }
        if (connection->filled == sizeof connection->text) {
            *code = -EPROTO;
            return NULL;
        }
        *code = wait_for(connection, POLLIN);
        if (*code < 0)
            return NULL;
        ssize_t got = recv(connection->fd, connection->text + connection->filled,
                           sizeof connection->text - connection->filled, 0);
        if (got == 0)
            *code = -ECONNRESET;
        else if (got < 0 && errno != EAGAIN && errno != EINTR)
            *code = -errno;
        if (*code < 0)
            return NULL;
        if (got > 0)
            connection->filled += (size_t)got;
    }
}

/* Reads until a message has one of the two members, passing events over. */
static int await(struct connection *connection, const char *member, struct error *e)
{
    for (;;) {
        int code = 0;
        json_t *message = receive(connection, &code);
        if (!message)
            return error_errno(e, -code, "no answer");
        const char *refusal =
            json_string_value(json_object_get(json_object_get(message, "error"), "desc"));
        bool found = json_object_get(message, member);
        if (refusal)
            code = error_set(e, -EPROTO, "%s", refusal);
        json_decref(message);
        if (refusal || found)
            return code;
    }
}

static int converse(struct connection *connection, const char *command, struct error *e)
{
    int r = await(connection, "QMP", e);
    const char *const commands[] = {"qmp_capabilities", command};
    for (size_t i = 0; r == 0 && i < ELEMENTS(commands); i++) {
        char *text CLEANUP_FREE = xasprintf("{\"execute\":\"%s\"}\n", commands[i]);
        r = send_text(connection, text);
        r = r < 0 ? error_errno(e, -r, "%s", commands[i]) : await(connection, "return", e);
    }
    return r;
}

int qmp_execute(const char *path, const char *command, int timeout, struct error *e)
{
    struct connection *connection CLEANUP_FREE = xcalloc(1, sizeof *connection);
    connection->deadline = clock_milliseconds() + timeout;
    connection->fd = -1;
    int r = connect_to(connection, path);
    if (r < 0)
        (void)error_errno(e, -r, "cannot connect");
    else
        r = converse(connection, command, e);
    if (connection->fd >= 0)
        (void)close(connection->fd);
    return r < 0 ? error_context(e, r, "QEMU's monitor %s", path) : 0;
}
