/* SPDX-License-Identifier: MIT */
/* A socket that QEMU connects to. */
#pragma once

#include "base/error.h"

/* Listens at `path`, which may be longer than a socket's address; what is there is replaced. Only
 * the user can connect. A descriptor that does not block, or a negative errno with the reason. */
int unixsocket_listen(const char *path, struct error *e);
