/* SPDX-License-Identifier: MIT */
/* How far something is that takes a while: a line on the terminal that renews itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct progress {
    const char *what;
    uint64_t total;  /* bytes in the end; 0: not known */
    int64_t started; /* milliseconds on the monotonic clock */
    bool on;         /* stderr is a terminal */
};

/* Without a terminal: one plain line, with `detail` if it is not NULL, and nothing later. */
void progress_start(struct progress *progress, const char *what, const char *detail,
                    uint64_t total);

/* So many bytes are done. */
void progress_show(const struct progress *progress, uint64_t done);

/* Shows the step that is being done, where no bytes can be counted. */
void progress_note(const struct progress *progress, const char *step);

/* Clears the line. */
void progress_end(const struct progress *progress);

/* The line for `done` bytes after `milliseconds`; the caller frees. */
char *progress_format(const struct progress *progress, uint64_t done, int64_t milliseconds);
