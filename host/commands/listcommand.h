/* SPDX-License-Identifier: MIT */
/* `run-vm list`: the machines that run. */
#pragma once

#include <stdbool.h>

#include "host/commandline.h"

struct listcommand_options {
    bool json;
    char *connect; /* the URI of a libvirt; NULL: machines of run-vm's own */
};
extern const struct commandline listcommand_syntax;

/* Takes a struct listcommand_options; returns the exit status. */
int listcommand_run(void *options);
