/* SPDX-License-Identifier: MIT */
/* Sockets that QEMU connects to. */
#pragma once

#include "base/error.h"

/* Listens at `path`, which may be longer than a socket's address, and replaces a file there. Only
 * the user can connect. Returns a non-blocking descriptor, or a negative errno with the reason. */
int unixsocket_listen(const char *path, struct error *e);

/* Connects to the socket at `path`. Returns a non-blocking descriptor, or a negative errno: -EAGAIN
 * if the backlog is full. */
int unixsocket_connect(const char *path);
