/* SPDX-License-Identifier: MIT */
/* Arranges the rows of a chart's picture, so that no label overlaps another or is cut off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/run/chart.h"

/* A row of the picture, and where its label is. */
enum chartlayout_side {
    CHARTLAYOUT_INSIDE,
    CHARTLAYOUT_RIGHT,
    CHARTLAYOUT_LEFT,
};

struct chartlayout_row {
    size_t bar;
    double x; /* of the bar, in pixels */
    double width;
    bool outer; /* parts of the bar follow: it is drawn as a bracket above them */
    enum chartlayout_side side;
    char *label; /* cut to the room that it has */
};

struct chartlayout {
    struct chartlayout_row *rows;
    size_t count;
};

/* The edges of the time axis, in pixels. */
#define CHARTLAYOUT_LEFT_EDGE  140
#define CHARTLAYOUT_RIGHT_EDGE 1176

/* Chooses the rows, of which very short parts are none, and finds the place of each label. */
void chartlayout_arrange(struct chartlayout *layout, const struct chart *chart);
void chartlayout_free(struct chartlayout *layout);

/* Returns the estimated width of a text in pixels, more rather than less. */
double chartlayout_text_width(const char *text);

/* Returns a duration as people write it: "0.4 ms", "31 ms", "1.21 s"; the caller frees. */
char *chartlayout_duration(int64_t microseconds);
