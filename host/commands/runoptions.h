/* SPDX-License-Identifier: MIT */
/* The options of a start, and of the commands that plan one. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "host/commandline.h"
#include "host/commands/dryrun.h"
#include "host/plan/planoptions.h"

struct run_options {
    struct strv config_files; /* in their order; "-" is standard input */
    struct strv settings;     /* pairs: an option such as -o or -m as it was typed, its argument */
    unsigned int dry_run;     /* enum dryrun */
    char *name;               /* of the machine; NULL: not given */
    bool here;                /* the working directory is in the guest, too */
    bool version;
    bool initcalls;    /* the chart shows those of the kernel */
    char *timeout;     /* seconds; NULL: none */
    char *connect;     /* the URI of the libvirt that starts the machine; NULL: run-vm does */
    char *count;       /* so many machines of it; NULL: one, without a number in its name */
    struct strv words; /* of the commands that make a plan, and start no machine */
    struct plan_options plan;
};
extern const struct commandline runoptions_syntax;

/* The same options, for `run-vm prepare [DIR]` and `run-vm libvirt-xml [session|system] [DIR]`. */
extern const struct commandline runoptions_prepare_syntax;
extern const struct commandline runoptions_libvirt_syntax;

/* Checks that the options name something to run. Returns 0, or -EINVAL with the reason. */
int runoptions_check(const struct run_options *options, struct error *e);

/* Sets the options of a start as run-NAME-vm: the configuration found by runner.h, and all
 * arguments for QEMU. The caller frees them by commandline_free(). Returns 0, or -ENOENT with the
 * reason. */
int runoptions_read_runner(struct run_options *options, char *const *argv, struct error *e);
