/* SPDX-License-Identifier: MIT */
/* `run-vm console`: the serial console of a machine in the background. */
#pragma once

#include "host/commandline.h"

struct consolecommand_options {
    char *connect;     /* the URI of a libvirt; NULL: a machine of run-vm's own */
    struct strv words; /* the machine's name, or nothing */
};
extern const struct commandline consolecommand_syntax;

/* Takes a struct consolecommand_options; returns the exit status. */
int consolecommand_run(void *options);
