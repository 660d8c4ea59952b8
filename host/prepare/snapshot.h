/* SPDX-License-Identifier: MIT */
/* Snapshots of machines that wait for a run to begin (plan.warm), in the cache. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "host/plan/plan.h"

/* A snapshot that is in use. */
struct snapshot {
    char *memory; /* path of the guest's memory */
    int state;    /* the rest of the machine's state, opened for reading */
    int lock;     /* of the cache entry */
};

/* struct snapshot snapshot CLEANUP_SNAPSHOT = {.state = -1, .lock = -1}; */
#define CLEANUP_SNAPSHOT CLEANUP(snapshot_free)
void snapshot_free(struct snapshot *snapshot);

/* Runs the plan's machine until the guest waits, and saves it: the memory in a file that does not
 * exist yet, the rest in an open file. Returns 0, or a negative errno with the reason. A maker runs
 * a machine, so it belongs above this directory and is passed in. */
typedef int snapshot_maker(const struct plan *plan, const char *memory, int state,
                           const void *context, struct error *e);

/* Returns the size of the guest's memory in bytes. */
uint64_t snapshot_memory(const struct plan *plan);

/* Finds the snapshot of the plan's machine in the cache, or makes it by `make`, which gets
 * `context`. The plan's files must have been made. QEMU loads the state of another machine without
 * complaint, so the key has everything of the machine that the guest can see. Returns 0, or a
 * negative errno with the reason.
 */
int snapshot_get(struct snapshot *snapshot, const struct plan *plan, snapshot_maker *make,
                 const void *context, struct error *e);

/* Removes the snapshot from the cache: machines that run from it are not affected. */
void snapshot_drop(struct snapshot *snapshot);
