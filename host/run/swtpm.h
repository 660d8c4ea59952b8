/* SPDX-License-Identifier: MIT */
/* Runs swtpm, the emulator of the guest's TPM. Its state, in plan.tpm.state, outlasts the machine.
 */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/helpers.h"

/* Runs plan.tpm.provisioning with a TPM that has no state yet. The state is kept if the program
 * succeeds, and forgotten otherwise: the next start runs it again. Does nothing if there is no such
 * program, or a state. Returns 0, or a negative errno with the reason. */
int swtpm_provision(const struct plan *plan, struct error *e);

/* Starts swtpm, if the guest has a TPM, on a socket that already listens. Returns 0, or a negative
 * errno with the reason. */
int swtpm_start(struct helper_list *helpers, const struct plan *plan, struct error *e);
