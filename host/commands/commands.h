/* SPDX-License-Identifier: MIT */
/* The commands of run-vm: one table, from which the dispatcher, --help and the manual page come. */
#pragma once

#include <stddef.h>

#include "host/commandline.h"

struct command {
    const char *name; /* the words that call it, such as "cache prune" */
    const char *help; /* a sentence */
    const struct commandline *syntax;
    size_t size;               /* of the struct that `syntax` describes */
    int (*run)(void *options); /* takes that struct; returns the exit status */
    const char *notes;         /* printed after the options; NULL: nothing */
};

/* The first one is the default, which is run if the command line names none. */
extern const struct command commands[];
extern const size_t commands_count;

/* Finds the command of that name; NULL: there is none. */
const struct command *commands_find(const char *name);

/* Does what the command line asks for. Returns the exit status. */
int commands_run(int argc, char *const *argv);

/* Prints the help on a command, on all whose names begin with the word `topic`, or on all ("").
 * Returns the exit status. */
int commands_print_help(const char *topic, FILE *out);
