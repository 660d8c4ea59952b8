/* SPDX-License-Identifier: MIT */
/* The part of a plan's inputs that the command line gives. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

enum accel_choice {
    ACCEL_AUTO,
    ACCEL_KVM,
    ACCEL_TCG,
};

struct plan_options {
    unsigned int accel; /* enum accel_choice */
    bool keep_tmp;      /* the temporary directory is not removed at the end */
    bool runner;        /* called as run-NAME-vm */
    char *kernel;       /* paths on the host; NULL: not given */
    char *modules_dir;
    char *root_dir;
    char *guest_init;
    char *init;                 /* stage 2, a path in the guest; NULL: not given */
    struct strv append;         /* kernel parameters */
    struct strv exec;           /* a command for the guest, and its arguments */
    struct strv qemu_arguments; /* passed to QEMU unchanged */
};

/* struct plan_options options CLEANUP_PLAN_OPTIONS = {0}; */
#define CLEANUP_PLAN_OPTIONS CLEANUP(plan_options_free)
void plan_options_free(struct plan_options *options);
