/* SPDX-License-Identifier: MIT */
/* The command of `run-vm --exec`: its process, and init's ends of its streams. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strv.h"
#include "common/channel.h"

struct command {
    struct strv arguments;
    struct strv variables; /* NAME=VALUE, added to the default environment */
    char *directory;       /* NULL: / */
    char *user;            /* as user.h has it; NULL: root */
    const char *system;    /* directory whose sw/bin is first on PATH; NULL: none */
    bool terminal;         /* input and output are a pseudo-terminal */
    bool separate;         /* standard error is a pipe even with a terminal */
    uint16_t rows;         /* of the terminal; 0: unknown */
    uint16_t columns;
    pid_t pid;              /* also its process group; 0: not started */
    int ends[STREAM_COUNT]; /* init's ends, non-blocking; -1: closed or none */
};

/* Initializes an empty command; closes its streams and frees it. */
void command_init(struct command *command);
void command_free(struct command *command);

/* Makes the command the login shell of its user, or /bin/sh. */
void command_use_shell(struct command *command);

/* Starts the command. Returns 0, or a negative errno with the reason if no process could be made. A
 * process that cannot execute the program writes why to its standard error, and exits with 127 (no
 * such program) or 126; with 125 if it cannot become the user or enter the directory. */
int command_start(struct command *command, struct error *e);

/* Sets the size of the terminal. */
void command_resize(struct command *command, uint16_t rows, uint16_t columns);

/* Closes init's end of a stream. */
void command_close(struct command *command, enum stream_name name);
