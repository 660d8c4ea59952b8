/* SPDX-License-Identifier: MIT */
/* Builds the plan of a start: configuration, command line and surroundings in, data out. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/plan/surroundings.h"

struct config;
struct plan_options;

/* Makes the plan out of a resolved configuration. 0; or -EINVAL when the configuration has
 * problems, all of them noted in it; or another negative errno with the reason. */
int plan_build(struct plan *plan, struct config *config, const struct plan_options *options,
               const struct surroundings *at, struct error *e);
