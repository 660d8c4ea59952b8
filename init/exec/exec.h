/* SPDX-License-Identifier: MIT */
/* vm.exec: what PID 1 does in place of starting stage 2. It takes a command from the host, runs
 * it with its streams connected to the host's, reaps what loses its parent, and tells the host how
 * the command ended. The protocol is in common/frame.h. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct exec_options {
    uint64_t timeout;   /* seconds to wait for the port */
    const char *system; /* see struct command; NULL: none */
};

/* Returns 0 when the host has heard the end, or has hung up, with no process left that could be
 * killed; a negative errno with the reason when the host could not be reached. */
int exec_serve(const struct exec_options *options, struct error *e);
