/* SPDX-License-Identifier: MIT */
/* `run-vm --exec`: runs a command as the only thing that the guest does. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/prepare/snapshot.h"
#include "host/run/session.h"
#include "host/run/supervise.h"

/* The exit status if the command could not be run at all. */
#define STATUS_EXEC_FAILED 125

/* Runs plan.exec in the guest with its standard streams connected to `streams`, and on a terminal
 * if input and output are terminals; signals_block() must have been called. Hides the guest's
 * console, but logs its last lines if the guest fails without a reason. `helpers` are watched;
 * NULL: there are none. Returns the command's exit status (128 + N if signal N killed it), or a
 * negative errno with the reason and, as the error's status, STATUS_EXEC_FAILED, or 128 + N if
 * signal N to run-vm ended the machine.
 *
 * The machine continues from `snapshot`, or boots if that is NULL. If a machine from a snapshot has
 * not begun the run, and nobody wants it to end, returns -ESTALE with the reason, or -EAGAIN if the
 * snapshot cannot be the cause. */
int exec_run(const struct plan *plan, const struct snapshot *snapshot,
             const struct supervise_limits *limits, struct helper_list *helpers,
             const struct session_streams *streams, struct error *e);
