/* SPDX-License-Identifier: MIT */
/* Makes the boot plan from the guest parameters. Pure. */
#pragma once

#include "base/error.h"
#include "common/params.h"
#include "init/plan/plan.h"

/* Fills in `plan`, which the caller frees, after an error too. Returns 0, or -EINVAL with a message
 * that names the parameter. */
int build_boot_plan(struct boot_plan *plan, const struct guest_params *params, struct error *e);
