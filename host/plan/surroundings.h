/* SPDX-License-Identifier: MIT */
/* Inputs of a plan besides the configuration and the command line. */
#pragma once

#include <stdbool.h>

/* Kinds of standard input. */
enum input {
    INPUT_NONE, /* /dev/null, or closed */
    INPUT_STREAM,
    INPUT_TERMINAL,
};

struct surroundings {
    char *const *environment; /* NAME=VALUE, ended by NULL */
    const char *cwd;          /* the caller's directory */
    const char *random;       /* ten letters or digits for the temporary directory's name */
    const char *program;      /* path of run-vm, beside which the guest's init may be */
    bool is_root;             /* run-vm runs as root */
    enum input input;
    bool on_terminal;    /* standard input, output and error are a terminal */
    unsigned short rows; /* of the terminal; 0: unknown */
    unsigned short columns;
};
