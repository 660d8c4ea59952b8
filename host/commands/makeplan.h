/* SPDX-License-Identifier: MIT */
/* From the options of a start to its configuration, and from there to its plan. */
#pragma once

#include "host/commands/runoptions.h"
#include "host/config/config.h"
#include "host/plan/plan.h"

/* Reads all files and settings and resolves them. An unreadable file exits with 74 (EX_IOERR), an
 * invalid one with 65 (EX_DATAERR). Returns 0, or the exit status of the last error. */
int makeplan_load(struct config *config, struct run_options *options);

/* Builds the plan. Returns 0, or the exit status after it has logged the problems. The caller frees
 * the plan in any case. */
int makeplan_build(struct plan *plan, struct config *config, const struct run_options *options);

/* Has every program that prepares the start keep the store paths from garbage collection, as QEMU
 * does later: making an image of the store can take minutes. */
void makeplan_hold_store_paths(const struct plan *plan);
