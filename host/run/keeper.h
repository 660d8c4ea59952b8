/* SPDX-License-Identifier: MIT */
/* The keeper is a process that survives a run-vm that is killed (SIGKILL, the kernel's
 * out-of-memory killer). It restores the terminal and removes the temporary directories; QEMU dies
 * with run-vm (PR_SET_PDEATHSIG). */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "host/system/idmap.h"

struct keeper {
    bool shows_guest; /* set by the caller: programs of the guest write to the terminal */
    bool background;  /* set by the caller: the machine has left its caller's terminal */
    int fd;           /* the end of a socket whose other end it reads; -1: no keeper runs */
};

/* Starts the keeper. If no process can be started, run-vm goes on without it. */
void keeper_start(struct keeper *keeper, const struct strv *directories,
                  const struct idmap *identities);

/* Lets programs started from now on inherit the socket, so that the keeper waits for them, too: for
 * QEMU above all. */
void keeper_pass_on(const struct keeper *keeper);

/* Tells the keeper that run-vm has cleaned up itself. */
#define CLEANUP_KEEPER CLEANUP(keeper_end)
void keeper_end(struct keeper *keeper);
