/* SPDX-License-Identifier: MIT */
/* QEMU's monitor (docs/interop/qmp-spec in QEMU): one command, one answer. */
#pragma once

#include "common/error.h"

/* Connects to the monitor at `path`, has it execute `command` (without arguments) and waits for
 * the answer, at most `timeout` milliseconds in all. 0, or a negative errno with the reason:
 * -ENOENT or -ECONNREFUSED where nobody listens, -ETIMEDOUT, -EPROTO for a refusal. */
int qmp_execute(const char *path, const char *command, int timeout, struct error *e);
