/* SPDX-License-Identifier: MIT */
/* QEMU's monitor as a stream of lines: commands of any kind, and answers of any length with the
 * events between them. qmp.h sends single commands over it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

struct qmplines;

/* Makes a stream of a connected socket, which belongs to the stream from now on. The caller closes
 * it by qmplines_close(). */
struct qmplines *qmplines_open(int fd);

/* Connects to the monitor that listens at `path`, and asks it for events. Returns NULL with the
 * reason. QEMU answers one client at a time: another one waits. */
struct qmplines *qmplines_connect(const char *path, struct error *e);

/* Returns the descriptor to poll for input. */
int qmplines_fd(const struct qmplines *lines);

/* Reads the input that there is. Returns false if QEMU has closed the connection. */
bool qmplines_read(struct qmplines *lines);

/* Returns the next message that has been read; NULL: there is none. The caller takes the reference.
 */
json_t *qmplines_next(struct qmplines *lines);

/* Sends a message. Returns 0 or a negative errno. */
int qmplines_send(struct qmplines *lines, const json_t *message);

/* Sends a command without arguments. Returns 0 or a negative errno. */
int qmplines_execute(struct qmplines *lines, const char *command);

/* Closes the connection, which may be NULL, and makes it NULL. */
void qmplines_close(struct qmplines **lines);
