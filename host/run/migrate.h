/* SPDX-License-Identifier: MIT */
/* Saves and loads the state of a machine, apart from its memory, which is in a file that QEMU maps
 * (frozenargv_write). QEMU is asked at each tick of a timer whether it is done, so that the caller
 * can attend to other events meanwhile. */
#pragma once

#include "base/error.h"
#include "host/run/qmp.h"

/* A transfer in progress. */
struct migrate {
    struct qmp *monitor; /* the caller's */
    const struct migrate_direction *direction;
    int ticks; /* a timerfd for the caller to poll; -1: there is no transfer (any more) */
};

/* Begins to save the machine's state in the open file `state`; the machine does not run any more
 * after that. Returns 0, or a negative errno with the reason. */
int migrate_save(struct migrate *m, struct qmp *monitor, int state, struct error *e);

/* Begins to load such a state into the machine, which runs after that. */
int migrate_load(struct migrate *m, struct qmp *monitor, int state, struct error *e);

/* Is to be called at a tick. Returns 1 if the transfer is done, 0 before that, or a negative errno
 * with the reason; -EBUSY if the state is loaded, but a disk is in use. */
int migrate_look(struct migrate *m, struct error *e);

/* Ends the looks; the monitor stays the caller's. */
void migrate_close(struct migrate *m);
