/* SPDX-License-Identifier: MIT */
#include "host/run/chartlayout.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"

/* A part of a bar that is shorter than this share of the boot has no row. */
#define SHORTEST 300

#define SPACE     6 /* between a bar and its label */
#define BAR_LEAST 2 /* the width of a very short bar */
#define ROOM      (CHARTLAYOUT_RIGHT_EDGE - CHARTLAYOUT_LEFT_EDGE)

double chartlayout_text_width(const char *text)
{
    /* those of Verdana, a wide font, at 12 pixels */
    static const struct {
        const char *letters;
        double width;
    } classes[] = {
        {"ijlI|.,:;'!", 4.7}, {" ()[]/ftr-", 5.6}, {"mwMW%@", 12.2}, {"ABCDEGHKNOQRUVX", 8.8}};
    double width = 0;
    for (; *text; text++) {
        double letter = 7.7;
        for (size_t i = 0; i < ELEMENTS(classes); i++)
            if (strchr(classes[i].letters, *text))
                letter = classes[i].width;
        width += text_continues_character(*text) ? 0 : letter;
    }
    return width;
}

char *chartlayout_duration(int64_t microseconds)
{
    double ms = (double)microseconds / 1000;
    return ms < 9.95    ? xasprintf("%.1f ms", ms)
           : ms < 999.5 ? xasprintf("%.0f ms", ms)
           : ms < 9995  ? xasprintf("%.2f s", ms / 1000)
                        : xasprintf("%.1f s", ms / 1000);
}

/* Returns "NAME  DURATION", with the name cut so that it fits into `room` pixels. */
static char *make_label(const struct chart_bar *bar, double room)
{
    char *duration CLEANUP_FREE = chartlayout_duration(bar->end - bar->begin);
    char *label = xasprintf("%s  %s", bar->name, duration);
    for (size_t length = strlen(bar->name); length && chartlayout_text_width(label) > room;) {
        do
            length--;
        while (length && text_continues_character(bar->name[length]));
        free(label);
        label = xasprintf("%.*s\xe2\x80\xa6  %s", (int)length, bar->name, duration);
    }
    return label;
}

/* Puts the label beside the bar, where there is more room, unless only the bar itself has enough.
 */
static void place_label(struct chartlayout_row *row, const struct chart_bar *bar)
{
    double left = row->x - CHARTLAYOUT_LEFT_EDGE - SPACE;
    double right = CHARTLAYOUT_RIGHT_EDGE - row->x - row->width - SPACE;
    char *whole CLEANUP_FREE = make_label(bar, ROOM);
    double wanted = chartlayout_text_width(whole);
    double inside = row->outer ? 0 : row->width - 2 * SPACE;
    row->side = wanted <= inside                  ? CHARTLAYOUT_INSIDE
                : wanted <= right                 ? CHARTLAYOUT_RIGHT
                : wanted <= left                  ? CHARTLAYOUT_LEFT
                : inside > right && inside > left ? CHARTLAYOUT_INSIDE
                : right > left                    ? CHARTLAYOUT_RIGHT
                                                  : CHARTLAYOUT_LEFT;
    row->label = make_label(bar, row->side == CHARTLAYOUT_INSIDE  ? inside
                                 : row->side == CHARTLAYOUT_RIGHT ? right
                                                                  : left);
}

static bool has_row(const struct chart *chart, const struct chart_bar *bar)
{
    return bar->parent == CHART_NO_PARENT || (bar->end - bar->begin) * SHORTEST >= chart->total;
}

static void add_row(struct chartlayout *layout, const struct chart *chart, size_t bar)
{
    const struct chart_bar *shown = &chart->bars[bar];
    double scale = (double)ROOM / (double)(chart->total > 0 ? chart->total : 1);
    struct chartlayout_row row = {.bar = bar,
                                  .x = CHARTLAYOUT_LEFT_EDGE + scale * (double)shown->begin,
                                  .width = scale * (double)(shown->end - shown->begin)};
    if (row.width < BAR_LEAST)
        row.width = BAR_LEAST;
    if (row.x + row.width > CHARTLAYOUT_RIGHT_EDGE)
        row.x = CHARTLAYOUT_RIGHT_EDGE - row.width;
    for (size_t i = 0; i < chart->count; i++)
        if (chart->bars[i].parent == bar && has_row(chart, &chart->bars[i]))
            row.outer = true;
    place_label(&row, shown);
    ARRAY_PUSH(layout->rows, layout->count, row);
}

void chartlayout_arrange(struct chartlayout *layout, const struct chart *chart)
{
    *layout = (struct chartlayout){0};
    for (size_t i = 0; i < chart->count; i++)
        if (has_row(chart, &chart->bars[i]))
            add_row(layout, chart, i);
}

void chartlayout_free(struct chartlayout *layout)
{
    for (size_t i = 0; i < layout->count; i++)
        free(layout->rows[i].label);
    free(layout->rows);
    *layout = (struct chartlayout){0};
}
