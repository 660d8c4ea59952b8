/* SPDX-License-Identifier: MIT */
/* Records when the steps of a start begin and end on the host, for --boot-chart. Recording costs
 * two readings of the clock a step, and is always on. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The step that lasts from QEMU's start on. */
#define TIMELINE_QEMU "QEMU"

struct timeline_span {
    char *name;
    const char *note; /* how it was done, static; NULL: nothing to say */
    int64_t begin;    /* clock_microseconds() */
    int64_t end;      /* 0: it has not ended */
    size_t depth;     /* the number of spans that it is in */
};

/* Notes that run-vm begins. */
void timeline_start(void);

/* Begins a step, as a part of the one that has not ended. `detail`, a file or "", follows its name
 * unless it is the same. */
void timeline_begin(const char *name, const char *detail);

/* Ends the step that began last. */
void timeline_end(void);

/* Sets the note of the step that began last. */
void timeline_note(const char *note);

/* The time of timeline_start(). */
int64_t timeline_origin(void);

/* Returns by how much the processor's time stamp counter has advanced in a microsecond, on average
 * since timeline_start(); 0: there is none. */
double timeline_counter_rate(void);

/* Returns the steps in the order in which they began. */
const struct timeline_span *timeline_spans(size_t *count);
