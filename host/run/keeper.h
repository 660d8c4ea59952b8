/* SPDX-License-Identifier: MIT */
/* A process that outlives run-vm when that is killed (SIGKILL, the kernel's out-of-memory killer),
 * to give the terminal back and remove the temporary directories. QEMU goes with run-vm by itself.
 */
#pragma once

#include "base/cleanup.h"
#include "base/strv.h"

struct keeper {
    int fd; /* it waits at the other end; -1: there is none */
};

/* Starts it; without a process to be had there is none. */
void keeper_start(struct keeper *keeper, const struct strv *directories);

/* Has programs started from now on, QEMU above all, hold the keeper back until they have ended,
 * too. */
void keeper_pass_on(const struct keeper *keeper);

/* Everything has been done: it ends. */
#define CLEANUP_KEEPER CLEANUP(keeper_end)
void keeper_end(struct keeper *keeper);
