/* SPDX-License-Identifier: MIT */
/* The time by which a machine has to end by itself (--timeout). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Time that a guest has, after the deadline, to end before QEMU quits, in milliseconds. */
#define DEADLINE_GRACE 10000

struct deadline {
    unsigned int seconds; /* 0: there is none */
    int64_t at;           /* by clock_milliseconds() */
    bool passed;          /* deadline_pass() was called */
};

/* Reads a number of seconds, at least 1. Returns 0, or -EINVAL with the reason. */
int deadline_parse(unsigned int *seconds, const char *text, struct error *e);

/* Starts the clock. */
struct deadline deadline_start(unsigned int seconds);

/* Returns the milliseconds left, 0 once it has passed; -1: there is no deadline to wait for. */
int deadline_left(const struct deadline *deadline);

/* Tells the user that the guest did not end in time; `step` (NULL: unknown) is the step that the
 * boot had reached, `line` (NULL or empty: unknown) the last one of the guest's console. Returns
 * -ETIMEDOUT with that message and STATUS_TIMED_OUT. */
int deadline_report(const struct deadline *deadline, const char *step, const char *line,
                    struct error *e);
