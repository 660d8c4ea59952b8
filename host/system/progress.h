/* SPDX-License-Identifier: MIT */
/* Progress of long work: a line on the terminal that is rewritten, elsewhere one plain line. Work
 * that takes less than half a second shows nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_unit {
    PROGRESS_BYTES,
    PROGRESS_ITEMS,
    PROGRESS_TIME, /* only the seconds that have passed are known */
};

struct progress {
    const char *what;
    const char *detail; /* of the plain line; NULL: there is no such line */
    enum progress_unit unit;
    uint64_t total;  /* bytes or items at the end; 0: unknown */
    int64_t started; /* by clock_milliseconds() */
    bool announced;  /* the plain line has been printed */
};

/* Begins to measure. Both texts stay the caller's. */
struct progress progress_start(const char *what, const char *detail, enum progress_unit unit,
                               uint64_t total);

/* Shows that `done` bytes or items are done. `progress` may be NULL. */
void progress_show(struct progress *progress, uint64_t done);

/* Clears the line. */
void progress_end(const struct progress *progress);

/* Formats the line for `done` bytes or items after `milliseconds`; the caller frees. */
char *progress_format(const struct progress *progress, uint64_t done, int64_t milliseconds);
