/* SPDX-License-Identifier: MIT */
/* `run-vm chart`: draws a chart from the data that --boot-chart has written. */
#pragma once

#include "host/commandline.h"

struct chartcommand_options {
    struct strv words; /* the data, the picture */
};
extern const struct commandline chartcommand_syntax;

/* Takes a struct chartcommand_options; returns the exit status. */
int chartcommand_run(void *options);
