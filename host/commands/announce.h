/* SPDX-License-Identifier: MIT */
/* The lines that tell a user at a terminal how to leave the machine and how to reach it. */
#pragma once

#include <stdbool.h>

#include "host/plan/plan.h"

/* Formats the line for a machine of that name (NULL: it has none); the caller frees. NULL: there is
 * nothing to tell. */
char *announce_format(const struct plan *plan, const char *name);

/* Formats the line with the commands that enter the machine; the caller frees. NULL: there are
 * none. */
char *announce_commands(const struct plan *plan, const char *name);

/* Prints both, if standard error is a terminal and there is the first. */
void announce(const struct plan *plan, const char *name);

/* Prints the plan's warnings and, if the machine `starts`, where its display is and why it is slow.
 */
void announce_warnings(const struct plan *plan, bool starts);
