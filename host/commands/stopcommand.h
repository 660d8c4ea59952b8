/* SPDX-License-Identifier: MIT */
/* `run-vm stop`: ends a machine that runs. */
#pragma once

#include <stdbool.h>

#include "host/commandline.h"

struct stopcommand_options {
    char *timeout; /* seconds; NULL: not given */
    bool kill;
    char *connect;     /* the URI of a libvirt; NULL: a machine of run-vm's own */
    struct strv words; /* the machine's name, or nothing */
};
extern const struct commandline stopcommand_syntax;

/* Takes a struct stopcommand_options; returns the exit status. */
int stopcommand_run(void *options);
