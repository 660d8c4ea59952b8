/* SPDX-License-Identifier: MIT */
/* The port of the host that leads to the sshd of a guest. */
#pragma once

#include "base/strv.h"
#include "host/run/agentclient.h"
#include "host/run/registry.h"

/* Quotes a path for an option of ssh's; the caller frees. */
char *sshport_quote(const char *path);

/* Returns the port among the facts of a machine; NULL: there is none. */
const json_t *sshport_find(const struct registry_machine *machine);

/* Waits until an SSH server answers there, until machine.end at most. Returns 0, or a negative
 * errno with the reason: -EINVAL if the port's address is not one of IPv4. */
int sshport_wait(const struct agentclient_machine *machine, const json_t *port, struct error *e);

/* Appends the options with which ssh connects to the port. */
void sshport_push(struct strv *argv, const struct registry_machine *machine, const json_t *port);
