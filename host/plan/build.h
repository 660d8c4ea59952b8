/* SPDX-License-Identifier: MIT */
/* Builds the plan of a start: configuration, command line and surroundings in, data out. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/plan/surroundings.h"

struct config;
struct plan_options;

/* Builds the plan of a resolved configuration. Returns 0; or -EINVAL if the configuration has
 * problems, all of which are then in it; or another negative errno with the reason. The caller
 * frees the plan in any case. */
int plan_build(struct plan *plan, struct config *config, const struct plan_options *options,
               const struct surroundings *at, struct error *e);
