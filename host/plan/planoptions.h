/* SPDX-License-Identifier: MIT */
/* The part of a plan's inputs that the command line gives. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"
#include "host/plan/guestcommand.h"

enum accel_choice {
    ACCEL_AUTO,
    ACCEL_KVM,
    ACCEL_TCG,
};

/* The effect of the first signal. */
enum on_term {
    ON_TERM_AUTO, /* as runVm.onTerm says */
    ON_TERM_POWEROFF,
    ON_TERM_QUIT,
};

/* Owners of the files of --root-dir in the guest. */
enum tree_owner {
    TREE_OWNER_AUTO, /* as root, if the tree is the user's */
    TREE_OWNER_KEEP, /* as on the host */
    TREE_OWNER_ROOT, /* the owner of the tree is root */
};

struct plan_options {
    unsigned int accel;   /* enum accel_choice */
    unsigned int on_term; /* enum on_term */
    bool keep_tmp;        /* the temporary directory is not removed at the end */
    bool runner;          /* called as run-NAME-vm */
    bool verbose;         /* the kernel's messages are shown */
    bool detach;          /* the machine runs in the background */
    bool tree_start;      /* a start with --root-dir and without a configuration */
    char *directory;      /* the machine's files are made in this one, absolute, and stay: libvirt
                           * starts the machine. NULL: the temporary directory has them */
    char *kernel;         /* paths on the host; NULL: not given */
    char *modules_dir;
    char *root_dir;
    unsigned int root_owner; /* enum tree_owner */
    bool root_writable;      /* the guest writes through to it */
    char *guest_init;
    char *boot_chart;           /* the file for the chart of the boot; NULL: none */
    char *init;                 /* stage 2, a path in the guest; NULL: not given */
    struct strv tree_params;    /* kernel parameters of the tree's boot entry */
    struct strv append;         /* kernel parameters */
    struct guestcommand exec;   /* a command for the guest */
    struct strv qemu_arguments; /* passed to QEMU unchanged */
};

/* struct plan_options options CLEANUP_PLAN_OPTIONS = {0}; */
#define CLEANUP_PLAN_OPTIONS CLEANUP(plan_options_free)
void plan_options_free(struct plan_options *options);
