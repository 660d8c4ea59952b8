/* SPDX-License-Identifier: MIT */
/* `run-vm exec`: runs a command in a machine that runs already, by the agent that init has left in
 * the guest (vm.agent). */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "host/plan/guestcommand.h"
#include "host/run/registry.h"
#include "host/run/session.h"

/* The exit status if the command could not be run at all. */
#define STATUS_AGENT_FAILED 125

struct agentclient_machine {
    const struct registry_machine *found;
    const char *socket; /* plan.agent_socket */
    int patience;       /* time that the agent has to answer, or to accept a signal, in ms */
    int64_t end;        /* of the time to answer, by clock_milliseconds() */
};

/* Runs a command (one without arguments: the user's shell) with its standard streams connected to
 * `streams`, and on a terminal if input and output are terminals; signals_block() must have been
 * called. Returns the command's exit status, or a negative errno with the reason and, as the
 * error's status, STATUS_AGENT_FAILED, or 128 + N if signal N to run-vm ended the session. */
int agentclient_run(const struct agentclient_machine *machine, const struct guestcommand *command,
                    const struct session_streams *streams, struct error *e);

/* Sets the size of the guest's console. Returns 0, or a negative errno with the reason; -ECANCELED
 * if run-vm got a signal. */
int agentclient_resize_console(const struct agentclient_machine *machine, uint16_t rows,
                               uint16_t columns, struct error *e);
