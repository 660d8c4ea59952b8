/* SPDX-License-Identifier: MIT */
/* The machines that run: a directory for each in the user's runtime directory, NAME/lock, which
 * run-vm keeps locked as long as it lives, and NAME/machine.json. A directory that is not locked is
 * removed by the first run-vm that sees it, so that the list is right after a run-vm was killed at
 * any instant.
 *
 * The runtime directory is $XDG_RUNTIME_DIR/run-vm; without one of the user's own /run/run-vm for
 * root, $TMPDIR/run-vm-UID for others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/error.h"

/* The place of a machine that this run-vm runs. */
struct registry {
    char *name;      /* unique among the user's machines; NULL: the machine is not registered */
    char *directory; /* absolute */
    int base;        /* the runtime directory; -1: none */
    int lock;        /* -1: none */
    time_t started;
};

/* struct registry registry CLEANUP_REGISTRY = {.base = -1, .lock = -1}; */
#define CLEANUP_REGISTRY CLEANUP(registry_close)

/* The longest name of a machine. */
#define REGISTRY_NAME 64

/* True if a machine can have this name: letters, digits, ".", "_" and "-", of which the first is a
 * letter or digit. */
bool registry_is_name(const char *name);

/* Takes a name, of which everything that no name has becomes "-", and which gets a number if
 * another machine has it. With `exact` the name must be a valid one, and one that is taken is an
 * error. Where the runtime directory cannot be used, says so and goes on without: `name` is NULL.
 * Returns 0, or -EEXIST with the reason. */
int registry_open(struct registry *registry, const char *name, bool exact, struct error *e);

/* Publishes what is known about the machine, besides its name, pid and start, in place of what was
 * published before. `state` is "starting" or "running". Takes the reference `facts`, which may be
 * NULL. */
void registry_publish(struct registry *registry, const char *state, json_t *facts);

/* Removes the machine's directory. */
void registry_close(struct registry *registry);

/* A machine as others see it. */
struct registry_machine {
    char *name;
    char *directory;
    json_t *facts; /* an object; what it has is described in run-vm(1), under run-vm list */
};

struct registry_machines {
    struct registry_machine *items; /* by name */
    size_t count;
};

#define CLEANUP_MACHINES CLEANUP(registry_free_machines)
#define CLEANUP_MACHINE  CLEANUP(registry_free_machine)

/* Lists the user's machines. Returns 0, or a negative errno with the reason; none if there is no
 * runtime directory. */
int registry_list(struct registry_machines *machines, struct error *e);
void registry_free_machines(struct registry_machines *machines);

/* Finds a machine, NULL being the name of the only one that runs. Returns 0, or -ESRCH with a
 * message that lists those that run, and STATUS_NO_MACHINE as its status. */
#define STATUS_NO_MACHINE 66
int registry_find(struct registry_machine *machine, const char *name, struct error *e);
void registry_free_machine(struct registry_machine *machine);

/* True if the machine still runs. */
bool registry_is_running(const struct registry_machine *machine);

/* True if QEMU is not started yet: only the machine's name and pid are known. */
bool registry_is_starting(const struct registry_machine *machine);

/* True if the machine's run-vm is in another PID namespace: here its pid is another process's. */
bool registry_is_foreign(const struct registry_machine *machine);

/* Return a text and a number of the facts; NULL, and 0, if there is none of that key. */
const char *registry_text(const struct registry_machine *machine, const char *key);
json_int_t registry_number(const struct registry_machine *machine, const char *key);
