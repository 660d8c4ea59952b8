/* SPDX-License-Identifier: MIT */
/* Starts a command's machine warm where that can be, and cold otherwise. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/exec.h"

/* Runs plan.exec like exec_run(): with plan.warm from a snapshot, which is made if there is none.
 * If that fails, or the snapshot does not answer, says so and boots the machine. */
int warm_run(const struct plan *plan, const struct supervise_limits *limits,
             struct helper_list *helpers, const struct session_streams *streams, struct error *e);
