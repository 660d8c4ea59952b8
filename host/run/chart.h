/* SPDX-License-Identifier: MIT */
/* The chart of a boot: bars on one line of time, and the path through them that its end waited for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum chart_group {
    CHART_HOST,
    CHART_QEMU,
    CHART_FIRMWARE,
    CHART_KERNEL,
    CHART_INIT,
};
#define CHART_GROUPS 5

/* The names of the groups, by enum chart_group. */
extern const char *const chart_group_names[CHART_GROUPS];

#define CHART_NO_PARENT SIZE_MAX

/* Times are in microseconds from the beginning of run-vm. */
struct chart_bar {
    enum chart_group group;
    char *name;
    char *note; /* NULL: none */
    int64_t begin;
    int64_t end;
    size_t parent;  /* the bar that this one is a part of, an earlier one; CHART_NO_PARENT */
    int64_t waited; /* how long the end of the boot waited for this bar, not for its parts */
    bool critical;  /* on the path, with a part at least */
};

struct chart {
    char *name;   /* of the machine */
    char *reason; /* of the boot's failure; NULL: it reached stage 2 */
    int64_t total;
    int64_t kernel_clock; /* when the guest kernel's clock began; -1: unknown */
    struct chart_bar *bars;
    size_t count;
};

#define CLEANUP_CHART CLEANUP(chart_free)

/* Adds a bar and returns its index; takes `name` and `note`. */
size_t chart_add(struct chart *chart, enum chart_group group, size_t parent, int64_t begin,
                 int64_t end, char *name, char *note);

/* Sets `waited` and `critical` of every bar: goes back from the end to the bar that lasted until
 * then, and from where that began, or a part of it ended, to the next one. */
void chart_find_path(struct chart *chart);

/* True if other bars are parts of this one. */
bool chart_has_parts(const struct chart *chart, const struct chart_bar *bar);

/* Returns the length of a group, from its first bar's begin to its last one's end; 0 without bars.
 */
int64_t chart_group_length(const struct chart *chart, enum chart_group group);

/* Returns the begin of a group's first bar; INT64_MAX without bars. */
int64_t chart_group_begin(const struct chart *chart, enum chart_group group);

void chart_free(struct chart *chart);
