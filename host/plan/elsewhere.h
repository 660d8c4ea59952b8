/* SPDX-License-Identifier: MIT */
/* A machine on another host (config.h: elsewhere): it can have what run-vm makes and sends there,
 * and nothing else of this host. */
#pragma once

#include "base/error.h"
#include "host/config/config.h"
#include "host/plan/plan.h"

/* Adds the defaults of such a machine to a configuration. Returns 0, or a negative errno with the
 * reason. */
int elsewhere_configure(struct config *config, struct error *e);

/* Returns 0 if the machine of the plan needs nothing else of this host, or -EINVAL with a message
 * that names what it needs. */
int elsewhere_check(const struct plan *plan, const struct config *config, struct error *e);

/* The file of a drive among those of the plan; NULL: there is none. */
const struct plan_file *elsewhere_drive_file(const struct plan *plan,
                                             const struct model_drive *drive);
