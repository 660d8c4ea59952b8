/* SPDX-License-Identifier: MIT */
/* Prints a plan. */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "host/config/config.h"
#include "host/plan/plan.h"

enum dryrun {
    DRYRUN_NO,
    DRYRUN_TEXT,
    DRYRUN_JSON,
};

/* Prints QEMU's command, one option a line, quoted for a shell; before it, in a comment, the
 * transport of the store that run-vm has chosen. */
void dryrun_text(const struct plan *plan, const struct config *config, FILE *out);

/* Prints the whole plan as a JSON object: argv, machine, environment, cwd, kernelParams, files,
 * fileSystems, warnings. Bytes that are not UTF-8 become U+FFFD. */
void dryrun_json(const struct plan *plan, const struct config *config, FILE *out);
