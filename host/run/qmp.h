/* SPDX-License-Identifier: MIT */
/* A session with QEMU's monitor (docs/interop/qmp-spec in QEMU): commands and their answers. */
#pragma once

#include <jansson.h>

#include "base/cleanup.h"
#include "base/error.h"

struct qmp;

/* Makes a session on a connected socket, which belongs to the session from now on. The caller
 * closes it by qmp_close(). */
struct qmp *qmp_open(int fd);

/* Sends `command` and waits for the answer, at most `timeout` milliseconds. Returns 0, or a
 * negative errno with the reason: -ETIMEDOUT, -ECONNRESET, -EPROTO for a refusal. */
int qmp_command(struct qmp *qmp, const char *command, int timeout, struct error *e);

/* The same for a command with arguments, whose reference it takes; NULL: none. `answer` becomes the
 * answer's "return", a reference of the caller's; NULL: it is not needed. */
int qmp_ask(struct qmp *qmp, const char *command, json_t *arguments, json_t **answer, int timeout,
            struct error *e);

/* Sends `command` and does not wait: the answer is dropped when it comes. Does nothing before the
 * first of the commands above has succeeded. */
void qmp_send(struct qmp *qmp, const char *command);

/* Passes a descriptor, which QEMU keeps under `name`. Returns as qmp_command(). */
int qmp_pass(struct qmp *qmp, const char *name, int fd, int timeout, struct error *e);

/* Makes a session with the monitor that listens at `path`. Returns 0, or a negative errno with the
 * reason: -ENOENT or -ECONNREFUSED if none listens. */
int qmp_connect(struct qmp **qmp, const char *path, struct error *e);

/* Closes the session and sets it to NULL; it may be NULL. */
#define CLEANUP_QMP CLEANUP(qmp_close)
void qmp_close(struct qmp **qmp);

/* Sends one command to the monitor that listens at `path`. Returns as qmp_command(), and -ENOENT or
 * -ECONNREFUSED if none listens. */
int qmp_execute(const char *path, const char *command, int timeout, struct error *e);
