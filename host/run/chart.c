/* SPDX-License-Identifier: MIT */
#include "host/run/chart.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/array.h"

const char *const chart_group_names[CHART_GROUPS] = {"host", "QEMU", "firmware", "kernel", "init"};

size_t chart_add(struct chart *chart, enum chart_group group, size_t parent, int64_t begin,
                 int64_t end, char *name, char *note)
{
    ARRAY_PUSH(chart->bars, chart->count,
               (struct chart_bar){.group = group,
                                  .name = name,
                                  .note = note,
                                  .begin = begin,
                                  .end = end < begin ? begin : end,
                                  .parent = parent});
    return chart->count - 1;
}

/* Returns the bar that lasted at `time`, or just before it: of several the one that began last, and
 * of these the innermost. NULL if there is none. */
static struct chart_bar *lasting(const struct chart *chart, int64_t time)
{
    struct chart_bar *found = NULL;
    for (size_t i = 0; i < chart->count; i++) {
        struct chart_bar *bar = &chart->bars[i];
        if (bar->begin < time && bar->end >= time && (!found || bar->begin >= found->begin))
            found = bar;
    }
    return found;
}

/* Returns the last end before `time` of a part of `bar`, or else when that began; of any bar if it
 * is NULL. */
static int64_t step_back(const struct chart *chart, const struct chart_bar *bar, int64_t time)
{
    int64_t last = bar ? bar->begin : 0;
    for (size_t i = 0; i < chart->count; i++) {
        const struct chart_bar *other = &chart->bars[i];
        bool is_part = !bar || (other->parent != CHART_NO_PARENT &&
                                other->parent == (size_t)(bar - chart->bars));
        if (is_part && other->end < time && other->end > last && other->begin < other->end)
            last = other->end;
    }
    return last;
}

static void mark_critical(struct chart *chart, struct chart_bar *bar)
{
    bar->critical = true;
    for (size_t up = bar->parent; up != CHART_NO_PARENT; up = chart->bars[up].parent)
        chart->bars[up].critical = true;
}

void chart_find_path(struct chart *chart)
{
    for (int64_t time = chart->total; time > 0;) {
        struct chart_bar *bar = lasting(chart, time);
        int64_t before = step_back(chart, bar, time);
        if (bar) {
            bar->waited += time - before;
            mark_critical(chart, bar);
        }
        time = before;
    }
}

bool chart_has_parts(const struct chart *chart, const struct chart_bar *bar)
{
    for (size_t i = 0; i < chart->count; i++)
        if (chart->bars[i].parent == (size_t)(bar - chart->bars))
            return true;
    return false;
}

int64_t chart_group_begin(const struct chart *chart, enum chart_group group)
{
    int64_t begin = INT64_MAX;
    for (size_t i = 0; i < chart->count; i++)
        if (chart->bars[i].group == group && chart->bars[i].begin < begin)
            begin = chart->bars[i].begin;
    return begin;
}

int64_t chart_group_length(const struct chart *chart, enum chart_group group)
{
    int64_t begin = chart_group_begin(chart, group);
    int64_t end = 0;
    for (size_t i = 0; i < chart->count; i++)
        if (chart->bars[i].group == group && chart->bars[i].end > end)
            end = chart->bars[i].end;
    return end > begin ? end - begin : 0;
}

void chart_free(struct chart *chart)
{
    for (size_t i = 0; i < chart->count; i++) {
        free(chart->bars[i].name);
        free(chart->bars[i].note);
    }
    free(chart->bars);
    free(chart->name);
    free(chart->reason);
    *chart = (struct chart){0};
}
