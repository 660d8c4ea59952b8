/* SPDX-License-Identifier: MIT */
/* Draws a chart as a picture without scripts, for light and dark screens and for paper. */
#pragma once

#include <stdio.h>

#include "host/run/chart.h"

/* The line that every picture begins with. */
extern const char chartsvg_mark[];

void chartsvg_write(const struct chart *chart, FILE *out);
