/* SPDX-License-Identifier: MIT */
/* The guest's console on the terminal, behind a line of the steps of its boot. QEMU reads the keys
 * from the terminal itself, but writes into a pipe, so that the line and the console do not mix. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/helpers.h"
#include "host/run/supervise.h"

/* Does what supervise() does, and returns the same. */
int consoleview_run(const struct plan *plan, const struct supervise_limits *limits,
                    struct helper_list *helpers, struct error *e);
