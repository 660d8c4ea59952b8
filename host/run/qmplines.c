/* SPDX-License-Identifier: MIT */
#include "host/run/qmplines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/queue.h"
#include "host/system/unixsocket.h"

/* Time that QEMU has to take a command, in milliseconds. */
#define SEND_TIME 5000

struct qmplines {
    int fd;
    struct queue received;
};

int qmplines_fd(const struct qmplines *lines)
{
    return lines->fd;
}

bool qmplines_read(struct qmplines *lines)
{
    char bytes[4096];
    ssize_t got = recv(lines->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0)
        queue_append(&lines->received, bytes, (size_t)got);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

json_t *qmplines_next(struct qmplines *lines)
{
    for (;;) {
        const char *text = (const char *)queue_front(&lines->received);
        size_t length = queue_length(&lines->received);
        const char *end = length ? memchr(text, '\n', length) : NULL;
        if (!end)
            return NULL;
        json_t *message = json_loadb(text, (size_t)(end - text), 0, NULL);
        queue_drop(&lines->received, (size_t)(end - text) + 1);
        if (message)
            return message;
    }
}

int qmplines_send(struct qmplines *lines, const json_t *message)
{
    char *text CLEANUP_FREE = json_dumps(message, JSON_COMPACT);
    char *line CLEANUP_FREE = xasprintf("%s\n", text ? text : "");
    const char *from = line;
    for (size_t left = strlen(line); left > 0;) {
        struct pollfd polled = {lines->fd, POLLOUT, 0};
        ssize_t sent = send(lines->fd, from, left, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN && poll(&polled, 1, SEND_TIME) == 0)
            return -ETIMEDOUT;
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        from += sent > 0 ? sent : 0;
        left -= sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

int qmplines_execute(struct qmplines *lines, const char *command)
{
    json_t *message = json_pack("{s:s}", "execute", command);
    int r = qmplines_send(lines, message);
    json_decref(message);
    return r;
}

struct qmplines *qmplines_open(int fd)
{
    struct qmplines *lines = xcalloc(1, sizeof *lines);
    lines->fd = fd;
    return lines;
}

struct qmplines *qmplines_connect(const char *path, struct error *e)
{
    int fd = unixsocket_connect(path);
    if (fd < 0) {
        (void)error_errno(e, -fd, "QEMU's monitor %s: cannot connect", path);
        return NULL;
    }
    struct qmplines *lines = qmplines_open(fd);
    int r = qmplines_execute(lines, "qmp_capabilities");
    if (r < 0) {
        (void)error_errno(e, -r, "QEMU's monitor %s", path);
        qmplines_close(&lines);
    }
    return lines;
}

void qmplines_close(struct qmplines **lines)
{
    if (!*lines)
        return;
    (void)close((*lines)->fd);
    queue_free(&(*lines)->received);
    free(*lines);
    *lines = NULL;
}
