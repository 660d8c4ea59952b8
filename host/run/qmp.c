/* SPDX-License-Identifier: MIT */
#include "host/run/qmp.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "host/system/unixsocket.h"

/* The longest line that is accepted. QEMU's answers to the commands of run-vm have 100 bytes. */
#define LINE_SIZE 65536

struct qmp {
    int fd;           /* -1: none */
    bool greeted;     /* QEMU takes commands */
    int64_t deadline; /* of the command in progress, by clock_milliseconds() */
    size_t filled;
    char text[LINE_SIZE];
};

/* Waits for one of `events`. Returns 0, -ETIMEDOUT, or another negative errno. */
static int wait_for(const struct qmp *qmp, short events)
{
    for (;;) {
        int64_t left = qmp->deadline - clock_milliseconds();
        struct pollfd polled = {.fd = qmp->fd, .events = events};
        int ready = left > 0 ? poll(&polled, 1, (int)left) : 0;
        if (ready > 0)
            return 0;
        if (ready == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

static int send_text(const struct qmp *qmp, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t sent = send(qmp->fd, text, left, MSG_NOSIGNAL);
        if (sent >= 0) {
            text += sent;
            left -= (size_t)sent;
        } else if (errno == EAGAIN) {
            int r = wait_for(qmp, POLLOUT);
            if (r < 0)
                return r;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

/* Returns the next line as JSON; NULL with a negative errno in `code` if there is none. */
static json_t *receive(struct qmp *qmp, int *code)
{
    for (;;) {
        char *end = memchr(qmp->text, '\n', qmp->filled);
        if (end) {
            size_t length = (size_t)(end - qmp->text) + 1;
            json_t *message = json_loadb(qmp->text, length, 0, NULL);
            qmp->filled -= length;
            memmove(qmp->text, end + 1, qmp->filled);
            *code = message ? 0 : -EPROTO;
            return message;
        }
        if (qmp->filled == sizeof qmp->text) {
            *code = -EPROTO;
            return NULL;
        }
        *code = wait_for(qmp, POLLIN);
        if (*code < 0)
            return NULL;
        ssize_t got = recv(qmp->fd, qmp->text + qmp->filled, sizeof qmp->text - qmp->filled, 0);
        if (got == 0)
            *code = -ECONNRESET;
        else if (got < 0 && errno != EAGAIN && errno != EINTR)
            *code = -errno;
        if (*code < 0)
            return NULL;
        if (got > 0)
            qmp->filled += (size_t)got;
    }
}

/* Skips messages, which are events, up to one with `member` or "error". `found`, unless it is NULL,
 * becomes the member. */
static int await(struct qmp *qmp, const char *member, json_t **found, struct error *e)
{
    for (;;) {
        int code = 0;
        json_t *message = receive(qmp, &code);
        if (!message)
            return error_errno(e, -code, "no answer");
        const char *refusal =
            json_string_value(json_object_get(json_object_get(message, "error"), "desc"));
        json_t *value = json_object_get(message, member);
        if (refusal)
            code = error_set(e, -EPROTO, "%s", refusal);
        else if (value && found)
            *found = json_incref(value);
        bool ended = refusal || value;
        json_decref(message);
        if (ended)
            return code;
    }
}

static int tell(struct qmp *qmp, const char *command, json_t *arguments, json_t **answer,
                struct error *e)
{
    json_t *message = json_pack("{s:s, s:O*}", "execute", command, "arguments", arguments);
    char *text CLEANUP_FREE = json_dumps(message, JSON_COMPACT);
    char *line CLEANUP_FREE = xasprintf("%s\n", text ? text : "");
    json_decref(message);
    int r = send_text(qmp, line);
    return r < 0 ? error_errno(e, -r, "%s", command) : await(qmp, "return", answer, e);
}

/* Negotiates capabilities if that has not been done yet. */
static int greet(struct qmp *qmp, struct error *e)
{
    if (qmp->greeted)
        return 0;
    int r = await(qmp, "QMP", NULL, e);
    if (r == 0)
        r = tell(qmp, "qmp_capabilities", NULL, NULL, e);
    qmp->greeted = r == 0;
    return r;
}

struct qmp *qmp_open(int fd)
{
    struct qmp *qmp = xcalloc(1, sizeof *qmp);
    qmp->fd = fd;
    return qmp;
}

int qmp_ask(struct qmp *qmp, const char *command, json_t *arguments, json_t **answer, int timeout,
            struct error *e)
{
    qmp->deadline = clock_milliseconds() + timeout;
    int r = greet(qmp, e);
    if (r == 0)
        r = tell(qmp, command, arguments, answer, e);
    json_decref(arguments);
    return r;
}

/* Sends the first byte of a command together with the descriptor, as QEMU expects it. */
static int send_descriptor(const struct qmp *qmp, char first, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&first, 1};
    const struct msghdr message = {.msg_iov = &data,
                                   .msg_iovlen = 1,
                                   .msg_control = control.bytes,
                                   .msg_controllen = sizeof control.bytes};
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    (void)memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(qmp->fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int qmp_pass(struct qmp *qmp, const char *name, int fd, int timeout, struct error *e)
{
    qmp->deadline = clock_milliseconds() + timeout;
    int r = greet(qmp, e);
    if (r < 0)
        return r;
    r = send_descriptor(qmp, ' ', fd);
    if (r < 0)
        return error_errno(e, -r, "passing a descriptor");
    return qmp_ask(qmp, "getfd", json_pack("{s:s}", "fdname", name), NULL, timeout, e);
}

int qmp_command(struct qmp *qmp, const char *command, int timeout, struct error *e)
{
    return qmp_ask(qmp, command, NULL, NULL, timeout, e);
}

void qmp_close(struct qmp **qmp)
{
    if (*qmp && (*qmp)->fd >= 0)
        (void)close((*qmp)->fd);
    free(*qmp);
    *qmp = NULL;
}

int qmp_connect(struct qmp **qmp, const char *path, struct error *e)
{
    int fd = unixsocket_connect(path);
    if (fd < 0)
        return error_errno(e, -fd, "QEMU's monitor %s: cannot connect", path);
    *qmp = qmp_open(fd);
    return 0;
}

int qmp_execute(const char *path, const char *command, int timeout, struct error *e)
{
    struct qmp *qmp CLEANUP_QMP = NULL;
    int r = qmp_connect(&qmp, path, e);
    if (r < 0)
        return r;
    r = qmp_command(qmp, command, timeout, e);
    return r < 0 ? error_context(e, r, "QEMU's monitor %s", path) : 0;
}
