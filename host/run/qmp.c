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
#include "host/run/qmplines.h"
#include "host/system/unixsocket.h"

struct qmp {
    struct qmplines *lines;
    bool greeted;     /* QEMU takes commands */
    json_int_t id;    /* of the last command */
    int64_t deadline; /* of the command in progress, by clock_milliseconds() */
};

/* Returns the next message; NULL with a negative errno in `code` if there is none. */
static json_t *receive(const struct qmp *qmp, int *code)
{
    struct pollfd polled = {qmplines_fd(qmp->lines), POLLIN, 0};
    json_t *message;
    while (!(message = qmplines_next(qmp->lines))) {
        int left = clock_left(qmp->deadline);
        int ready = left > 0 ? poll(&polled, 1, left) : 0;
        if (ready == 0)
            *code = -ETIMEDOUT;
        else if (ready < 0 && errno != EINTR)
            *code = -errno;
        else if (ready > 0 && !qmplines_read(qmp->lines))
            *code = -ECONNRESET;
        if (*code < 0)
            return NULL;
    }
    return message;
}

/* True for an event, and for the answer to a command whose sender has not waited for it. */
static bool is_other(const struct qmp *qmp, const json_t *message)
{
    return json_integer_value(json_object_get(message, "id")) != qmp->id;
}

/* Skips messages up to one with `member` or "error". `found`, unless it is NULL, becomes the
 * member. */
static int await(struct qmp *qmp, const char *member, json_t **found, struct error *e)
{
    for (;;) {
        int code = 0;
        json_t *message = receive(qmp, &code);
        if (!message)
            return error_errno(e, -code, "no answer");
        if (is_other(qmp, message)) {
            json_decref(message);
            continue;
        }
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

static int send_command(struct qmp *qmp, const char *command, json_t *arguments)
{
    json_t *message =
        json_pack("{s:s, s:O*, s:I}", "execute", command, "arguments", arguments, "id", ++qmp->id);
    int r = qmplines_send(qmp->lines, message);
    json_decref(message);
    return r;
}

static int tell(struct qmp *qmp, const char *command, json_t *arguments, json_t **answer,
                struct error *e)
{
    int r = send_command(qmp, command, arguments);
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
    qmp->lines = qmplines_open(fd);
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
    return sendmsg(qmplines_fd(qmp->lines), &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
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

void qmp_send(struct qmp *qmp, const char *command)
{
    if (qmp->greeted)
        (void)send_command(qmp, command, NULL);
}

void qmp_close(struct qmp **qmp)
{
    if (*qmp)
        qmplines_close(&(*qmp)->lines);
    free(*qmp);
    *qmp = NULL;
}

int qmp_connect(struct qmp **qmp, const char *path, struct error *e)
{
    int fd = unixsocket_connect(path);
    if (fd < 0) {
        (void)error_errno(e, -fd, "QEMU's monitor %s: cannot connect", path);
        return fd;
    }
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
