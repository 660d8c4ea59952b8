/* SPDX-License-Identifier: MIT */
/* The virtio-serial port of `run-vm --exec` (common/frame.h), found by its name. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct frame_thaw;

/* vm.warm: opens the port like execport_open(), which then uses the same descriptor, tells the host
 * that the guest can be saved now, or why it cannot (`obstacle`, NULL: it can), and waits without a
 * limit for the run to begin. Returns 0, or a negative errno with the reason. */
int execport_freeze(uint64_t timeout, const char *obstacle, struct frame_thaw *thaw,
                    struct error *e);

/* Tells the host that the run has begun. */
int execport_thawed(struct error *e);

/* Opens the port for reading and writing. Waits at most `timeout` seconds for the port to appear,
 * then without a limit for the host to open its end. Returns a non-blocking descriptor, or a
 * negative errno with the reason. */
int execport_open(uint64_t timeout, struct error *e);

/* Returns the path of the port's device, or NULL if there is none (yet); the caller frees. */
char *execport_find(const char *name);

/* Sends the reason of a fatal error, for which no command will run, to the host, and waits a few
 * seconds until the host has received it. Does nothing if there is no port or no host. */
void execport_report(const char *reason);
