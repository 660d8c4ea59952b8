/* SPDX-License-Identifier: MIT */
/* Saves a machine whose guest waits for a run to begin (FRAME_FROZEN). */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Boots the plan's machine, whose helpers are not needed, and saves it: its memory in the new file
 * `memory`, the rest in the open file `state`. `limits` is a struct supervise_limits, of which the
 * deadline counts. signals_block() must have been called. Returns 0, or a negative errno with the
 * reason: -ECANCELED after a signal, -ETIMEDOUT after the deadline, each with the error's status.
 */
int freeze_machine(const struct plan *plan, const char *memory, int state, const void *limits,
                   struct error *e);
