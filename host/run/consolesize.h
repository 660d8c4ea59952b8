/* SPDX-License-Identifier: MIT */
/* Tells the guest's console, by the agent, the size of the terminal that shows it, in a process of
 * its own: the guest may take its time to answer. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"
#include "host/plan/plan.h"

struct consolesize {
    pid_t pid; /* of the process; 0: none */
};

/* Follows the size of the terminal behind stdin, if there is one, for the machine of this name.
 * If no process can be started, run-vm goes on without. */
void consolesize_start(struct consolesize *size, const char *name);

/* The same for the machine that run-vm is about to start, which may know the first size already and
 * may show its console elsewhere. `name`: NULL: it has none. */
void consolesize_start_first(struct consolesize *size, const struct plan *plan, const char *name);

/* Ends the process. It also ends with run-vm. */
#define CLEANUP_CONSOLESIZE CLEANUP(consolesize_end)
void consolesize_end(struct consolesize *size);
