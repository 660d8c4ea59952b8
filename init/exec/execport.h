/* SPDX-License-Identifier: MIT */
/* The port that `run-vm --exec` talks through (common/frame.h), found by its name. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Opens it for reading and writing, waiting at most `timeout` seconds for it to appear and, beyond
 * that, for the host to be at the other end. A descriptor that does not block, or a negative errno
 * with the reason. */
int execport_open(uint64_t timeout, struct error *e);

/* Tells the host, where there is one at the port, why no command will be run, and waits a few
 * seconds for it to hear. For the path of fatal errors: does nothing where it cannot. */
void execport_report(const char *reason);
