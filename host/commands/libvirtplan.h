/* SPDX-License-Identifier: MIT */
/* The plan of a machine that libvirt starts: its files are in a directory of its own, and stay. */
#pragma once

#include "host/commands/runoptions.h"
#include "host/config/config.h"
#include "host/plan/plan.h"

struct libvirtplan {
    struct config config;
    struct plan plan;
    char *name; /* of the machine, and of its domain */
};

/* Makes the configuration and the name, and no plan yet. Returns 0, or the exit status after it has
 * logged the reason. The caller frees it, in any case. */
int libvirtplan_load(struct libvirtplan *made, struct run_options *options);

/* Makes the plan, too. Files go to `directory`, relative to the working directory; NULL: to
 * $XDG_DATA_HOME/run-vm/NAME. Returns 0, or the exit status after it has logged the reason. The
 * caller frees it, in any case. */
int libvirtplan_make(struct libvirtplan *made, struct run_options *options, const char *directory);

#define CLEANUP_LIBVIRTPLAN CLEANUP(libvirtplan_free)
void libvirtplan_free(struct libvirtplan *made);
