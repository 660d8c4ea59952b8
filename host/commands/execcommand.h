/* SPDX-License-Identifier: MIT */
/* `run-vm exec NAME COMMAND`: runs a command in a machine that runs. */
#pragma once

#include "host/commandline.h"
#include "host/plan/guestcommand.h"
#include "host/run/agentclient.h"

struct execcommand_options {
    struct guestcommand command;
    char *wait;        /* seconds; NULL: the default */
    struct strv words; /* NAME COMMAND [ARGUMENT...] */
};
extern const struct commandline execcommand_syntax;

/* Finds a machine; `name` NULL: the only one that runs, `wait` NULL: the default of --wait. Sets
 * `machine`, which refers to `found`; its socket is NULL if there is no agent. Returns 0, or a
 * negative errno with the reason and a status. */
int execcommand_find(struct registry_machine *found, struct agentclient_machine *machine,
                     const char *name, const char *wait, struct error *e);

/* Returns 0 if the machine has an agent, or -ENOENT with the reason and a status. */
int execcommand_need_agent(const struct agentclient_machine *machine, struct error *e);

/* Takes a struct execcommand_options; returns the exit status. */
int execcommand_run(void *options);
