/* SPDX-License-Identifier: MIT */
/* `run-vm ssh NAME`: the user's ssh into a machine that runs. */
#pragma once

#include "base/strv.h"
#include "host/commandline.h"

struct sshcommand_options {
    char *user;        /* NULL: root */
    char *wait;        /* seconds; NULL: the default */
    struct strv words; /* NAME [ARGUMENT...] */
};
extern const struct commandline sshcommand_syntax;

/* Takes a struct sshcommand_options; becomes ssh, or returns the exit status. */
int sshcommand_run(void *options);
