/* SPDX-License-Identifier: MIT */
/* QEMU's monitor (docs/interop/qmp-spec in QEMU): commands without arguments, and their answers. */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

struct qmp;

/* A conversation over `fd`, which must not block and is the conversation's from now on. */
struct qmp *qmp_open(int fd);

/* Has QEMU execute `command` and waits for the answer, at most `timeout` milliseconds. 0, or a
 * negative errno with the reason: -ETIMEDOUT, -ECONNRESET, -EPROTO for a refusal. */
int qmp_command(struct qmp *qmp, const char *command, int timeout, struct error *e);

/* Ends it; NULL is none. */
#define CLEANUP_QMP CLEANUP(qmp_close)
void qmp_close(struct qmp **qmp);

/* One command to the monitor that listens at `path`. As qmp_command(), and -ENOENT or -ECONNREFUSED
 * where nobody listens. */
int qmp_execute(const char *path, const char *command, int timeout, struct error *e);
