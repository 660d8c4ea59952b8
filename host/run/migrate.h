/* SPDX-License-Identifier: MIT */
/* Saves and loads the state of a machine, apart from its memory, which is in a file that QEMU maps
 * (frozenargv_write). */
#pragma once

#include "base/error.h"

/* Saves the state of the machine, whose monitor listens at `monitor`, in the open file `state`. The
 * machine does not run any more after that. Returns 0, or a negative errno with the reason. */
int migrate_save(const char *monitor, int state, struct error *e);

/* Loads such a state into the machine, and waits until it runs. */
int migrate_load(const char *monitor, int state, struct error *e);
