/* SPDX-License-Identifier: MIT */
/* All that --exec changes: a setting of the configuration before it is resolved, and the step
 * plan_exec() of the plan. */
#pragma once

#include "base/error.h"

struct config;

/* Adds the setting: a command's guest has no display. Returns 0, or a negative errno with the
 * message. */
int execmode_configure(struct config *config, struct error *e);
