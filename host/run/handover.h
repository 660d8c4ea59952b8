/* SPDX-License-Identifier: MIT */
/* Hands the guest's credentials to QEMU, each in a file in memory that has no name. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Reads the credentials and opens the descriptors that the plan names, which programs do not
 * inherit yet. Returns 0, or a negative errno with the reason. */
int handover_open(const struct plan *plan, struct error *e);

/* Lets the programs started from now on inherit the descriptors. */
void handover_pass_on(const struct plan *plan);
