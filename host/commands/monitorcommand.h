/* SPDX-License-Identifier: MIT */
/* `run-vm monitor`: QEMU's monitor, line by line. */
#pragma once

#include "host/commandline.h"

struct monitorcommand_options {
    struct strv words; /* the machine's name, or nothing */
};
extern const struct commandline monitorcommand_syntax;

/* Takes a struct monitorcommand_options; returns the exit status. */
int monitorcommand_run(void *options);
