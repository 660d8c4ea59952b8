/* SPDX-License-Identifier: MIT */
/* The command that `run-vm --exec` runs: its process, and our ends of its streams. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strv.h"
#include "common/channel.h"

struct command {
    struct strv arguments;
    struct strv variables; /* NAME=VALUE, on top of the default environment */
    const char *system;    /* a directory whose sw/bin comes first on PATH; NULL: none */
    bool terminal;         /* it gets one: its input and output are one pseudo-terminal */
    bool separate;         /* its standard error is a pipe in any case */
    uint16_t rows;         /* of the terminal; 0: unknown */
    uint16_t columns;
    pid_t pid;              /* also the number of its process group; 0: not started */
    int ends[STREAM_COUNT]; /* ours, which do not block; -1: closed, or there is none */
};

void command_init(struct command *command);
void command_free(struct command *command);

/* Starts it. 0, or a negative errno with the reason where no process could be made; one that
 * cannot become the program says so on its standard error and exits with 127 (there is no such
 * program) or 126. */
int command_start(struct command *command, struct error *e);

/* Tells the terminal its size. */
void command_resize(struct command *command, uint16_t rows, uint16_t columns);

/* Closes our end of a stream. */
void command_close(struct command *command, enum stream_name name);
