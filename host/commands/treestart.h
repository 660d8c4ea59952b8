/* SPDX-License-Identifier: MIT */
/* Tree starts: those with --root-dir and without --config. Nobody has written a configuration for
 * them, so that they have defaults of their own. */
#pragma once

#include "base/error.h"
#include "host/config/config.h"
#include "host/plan/planoptions.h"

/* Adds the defaults of a tree start, which every setting of the user overrides, among them the
 * processor that the kernel is for; nothing for another start. Returns 0, or a negative errno with
 * the message. */
int treestart_configure(struct config *config, const struct plan_options *options, struct error *e);

/* Chooses the kernel of a tree start that does not name one, and the modules of one that is named
 * without them, says so unless it is a dry run, and adds both to the options; nothing for another
 * start, or if the configuration names a system. Call it when the configuration is resolved.
 * Returns 0, or a negative errno with the message. */
int treestart_choose_kernel(const struct config *config, struct plan_options *options, bool dry_run,
                            struct error *e);
