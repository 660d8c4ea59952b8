/* SPDX-License-Identifier: MIT */
/* A command for the guest, as `run-vm --exec` and `run-vm exec` send it. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

struct guestcommand {
    struct strv arguments; /* empty: there is no command */
    struct strv variables; /* NAME=VALUE; before guestcommand_resolve() also NAME alone */
    char *directory;       /* NULL: / */
    char *user;            /* NAME[:GROUP] or UID[:GID]; NULL: root */
};

void guestcommand_free(struct guestcommand *command);

/* Copies a command, giving variables without a value the one they have in `environment`, which is
 * ended by NULL; those it does not have are left out. Returns 0, or -EINVAL with the reason why no
 * guest can run the command. */
int guestcommand_resolve(struct guestcommand *resolved, const struct guestcommand *given,
                         char *const *environment, struct error *e);
