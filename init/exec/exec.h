/* SPDX-License-Identifier: MIT */
/* vm.exec: runs a command from the host instead of stage 2. PID 1 receives the command, connects
 * its streams to the host's, reaps orphaned processes, and reports the command's exit status. The
 * protocol is in common/frame.h. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct exec_options {
    uint64_t timeout;   /* seconds to wait for the port */
    const char *system; /* see struct command; NULL: none */
};

/* Runs the session. Returns 0 after the host has received the exit status, or has hung up, and all
 * processes have been killed; a negative errno with the reason if the host cannot be reached. */
int exec_serve(const struct exec_options *options, struct error *e);
