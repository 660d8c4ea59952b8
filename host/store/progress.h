/* SPDX-License-Identifier: MIT */
/* Progress of a long operation, shown in one line on the terminal that is rewritten. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct progress {
    const char *what;
    uint64_t total;  /* bytes at the end; 0: unknown */
    int64_t started; /* by clock_milliseconds() */
    bool on;         /* stderr is a terminal */
};

/* Begins to show progress. Without a terminal, prints one plain line with `detail`, unless that is
 * NULL, and nothing later. */
void progress_start(struct progress *progress, const char *what, const char *detail,
                    uint64_t total);

/* Shows that `done` bytes are done. */
void progress_show(const struct progress *progress, uint64_t done);

/* Shows the current step of an operation whose bytes cannot be counted. */
void progress_note(const struct progress *progress, const char *step);

/* Clears the line. */
void progress_end(const struct progress *progress);

/* Formats the line for `done` bytes after `milliseconds`; the caller frees. */
char *progress_format(const struct progress *progress, uint64_t done, int64_t milliseconds);
