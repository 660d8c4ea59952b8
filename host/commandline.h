/* SPDX-License-Identifier: MIT */
/* The command line: one table of options, from which --help and the manual page come too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/strv.h"

enum dry_run {
    DRY_RUN_NO,
    DRY_RUN_TEXT,
    DRY_RUN_JSON,
};

enum accel_choice {
    ACCEL_AUTO,
    ACCEL_KVM,
    ACCEL_TCG,
};

struct options {
    struct strv config_files;
    struct strv settings; /* OPTION=VALUE */
    unsigned int dry_run; /* enum dry_run */
    unsigned int accel;   /* enum accel_choice */
    bool keep_tmp;
    char *kernel;
    char *modules_dir;
    char *init; /* stage 2, a path in the guest */
    struct strv append;
    char *root_dir;
    char *guest_init;
    struct strv exec; /* a command and its arguments */
    bool help;
    bool version;
    bool runner; /* called as run-NAME-vm */
    struct strv qemu_arguments;
};

/* struct options options CLEANUP_OPTIONS = {0}; */
#define CLEANUP_OPTIONS CLEANUP(options_free)

enum option_kind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* char *, the last one wins */
    OPTION_TEXTS,  /* struct strv */
    OPTION_REST,   /* struct strv: this and all arguments behind it */
    OPTION_CHOICE, /* unsigned int, an index into `choices` */
};

struct command_option {
    const char *name; /* without its dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    size_t offset;
    const char *argument;       /* as --help shows it; NULL: none */
    const char *const *choices; /* ended by NULL */
    const char *optional;       /* the choice where no argument is given; then only --NAME=ARGUMENT
                                 * gives one */
    const char *help;
};

extern const struct command_option command_options[];
extern const size_t command_option_count;

/* Reads the arguments. Called as run-NAME-vm, all of them are QEMU's and the configuration is
 * found by runner.h. 0, or -EINVAL or -ENOENT with what is wrong. */
int options_parse(struct options *options, int argc, char *const *argv, struct error *e);

void options_print_help(FILE *out);

void options_free(struct options *options);
