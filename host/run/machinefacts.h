/* SPDX-License-Identifier: MIT */
/* The facts about a machine that the registry publishes (registry.h). */
#pragma once

#include <jansson.h>

#include "host/plan/plan.h"

/* Describes the machine of a plan: its memory, image, forwarded ports, directory and sockets. The
 * caller takes the reference. */
json_t *machinefacts_describe(const struct plan *plan);
