/* SPDX-License-Identifier: MIT */
/* The steps of the guest's boot as people know them, by the marks of its init. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/run/bootreport.h"

enum bootstep {
    BOOTSTEP_KERNEL,
    BOOTSTEP_MODULES,
    BOOTSTEP_DISK,
    BOOTSTEP_MOUNTS,
    BOOTSTEP_STAGE2,
    BOOTSTEP_COUNT,
};

struct bootsteps {
    enum bootstep current;
    bool marked;                  /* init has sent a mark */
    int64_t since;                /* clock_microseconds() when the current step began */
    int64_t took[BOOTSTEP_COUNT]; /* microseconds, of the steps before */
    char *step;                   /* what init does, by its last marks, or NULL; owned */
    char *part;
};

/* Begins with the kernel, at `now`. */
void bootsteps_start(struct bootsteps *steps, int64_t now);

/* Takes a mark. Returns true if another step has begun. */
bool bootsteps_mark(struct bootsteps *steps, const struct bootmark *mark);

extern const char *const bootstep_names[BOOTSTEP_COUNT];

/* Formats the steps so far, with the time that each took, as a line of at most `columns`: if they
 * do not fit, without the times, and if they still do not, the current one. The caller frees. */
char *bootsteps_format(const struct bootsteps *steps, int64_t now, size_t columns);

/* Says what the guest last did; NULL: unknown. The caller frees. */
char *bootsteps_last(const struct bootsteps *steps);

void bootsteps_free(struct bootsteps *steps);
