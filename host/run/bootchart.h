/* SPDX-License-Identifier: MIT */
/* Collects the chart of a boot (--boot-chart): the steps of run-vm, and the marks of the guest. */
#pragma once

#include "base/error.h"
#include "host/run/bootreport.h"
#include "host/run/chart.h"
#include "host/system/timeline.h"

struct bootchart_mark {
    enum bootmark_kind kind;
    int64_t guest;
    int64_t host;
    char *text;
};

/* Everything that a chart is made from. Times of the host are clock_microseconds(). */
struct bootchart {
    const char *file; /* NULL: no chart is wanted */
    const char *name; /* of the machine */
    bool guest_marks; /* the guest's init reports to run-vm */
    double host_rate; /* of the host's time stamp counter, a microsecond; 0: unknown */
    bool tried;       /* to write the file, up to stage 2 or else up to a failure */
    bool written;     /* successfully */
    struct bootchart_mark *marks;
    size_t count;
};

/* struct bootchart chart CLEANUP_BOOTCHART = {0}; */
#define CLEANUP_BOOTCHART CLEANUP(bootchart_free)

/* Checks the name of the file, and that its directory can be written. Returns 0, or a negative
 * errno with the reason. */
int bootchart_check(const char *file, struct error *e);

/* Begins to collect; writes the file when stage 2 begins, or when the boot fails. */
void bootchart_open(struct bootchart *chart);

/* Writes the file unless that has been done: the start has ended, for `reason` or, if NULL, without
 * having reached stage 2. */
void bootchart_finish(struct bootchart *chart, const char *reason);

/* Makes the chart of the steps and marks up to `end`. `reason` is that of a failure, or NULL. */
void bootchart_build(struct chart *chart, const struct bootchart *marks,
                     const struct timeline_span *spans, size_t span_count, int64_t origin,
                     int64_t end, const char *reason);

void bootchart_free(struct bootchart *chart);
