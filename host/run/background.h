/* SPDX-License-Identifier: MIT */
/* `run-vm --detach`: a run-vm that goes on in the background, in a session of its own. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/registry.h"

/* The run-vm in the background. */
struct background {
    int parent;        /* a socket to the run-vm in the foreground; -1: there is none */
    char *log;         /* the file with its messages */
    char *console_log; /* the file with the guest's console; NULL: run-vm did not place that */
};

/* struct background background CLEANUP_BACKGROUND = {.parent = -1}; */
#define CLEANUP_BACKGROUND CLEANUP(background_free)

/* Forks. Returns 0 in the new process, which has left the terminal but for its messages. In the
 * caller returns 1 once QEMU answers or the start has failed, with the exit status in `status`, or
 * a negative errno with the reason. */
int background_start(struct background *background, const struct plan *plan, int *status,
                     struct error *e);

/* Makes the logs, in $XDG_STATE_HOME/run-vm/NAME, where they stay when the machine has ended, or
 * else in the temporary directory; sends messages there from now on, and tells the caller. Does
 * nothing in the foreground. To be called just before QEMU is started. Returns 0 or a negative
 * errno with the reason. */
int background_settle(struct background *background, const struct plan *plan,
                      const struct registry *registry, struct error *e);

/* Publishes what is known about the machine, which runs now, with the paths of the logs. */
void background_publish(const struct background *background, struct registry *registry,
                        const struct plan *plan);

void background_free(struct background *background);
