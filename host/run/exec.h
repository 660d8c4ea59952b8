/* SPDX-License-Identifier: MIT */
/* `run-vm --exec`: the host's end of the channel to the guest (common/frame.h), between the start
 * of QEMU and its end. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/supervise.h"

/* What run-vm exits with when the command could not be run at all. */
#define STATUS_EXEC_FAILED 125

/* Where the command's streams lead. */
struct exec_streams {
    int input;
    int output;
    int errors;
};

/* Runs plan.exec in the guest, with `streams` connected to its own; where input and output are
 * terminals, it gets a terminal. Returns its exit status (128 + N when signal N killed it), or a
 * negative errno with the reason and, as the error's status, STATUS_EXEC_FAILED, or 128 + N when a
 * signal to us ended it all. The guest's console is kept away; where the guest gave no reason, its
 * last lines go to stderr. `servers` are those of the shares, NULL: there are none.
 * signals_block() must have been called. */
int exec_run(const struct plan *plan, const struct supervise_limits *limits,
             struct virtiofsd_list *servers, const struct exec_streams *streams, struct error *e);
