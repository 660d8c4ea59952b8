/* SPDX-License-Identifier: MIT */
/* The files of a chart: a picture (SVG) and its data (JSON). */
#pragma once

#include <stdio.h>

#include "base/error.h"
#include "host/run/chart.h"

enum chartfile_kind {
    CHARTFILE_NONE,
    CHARTFILE_JSON,
    CHARTFILE_SVG,
};

/* Returns the kind of the file by the end of its name. */
enum chartfile_kind chartfile_kind(const char *file);

/* Returns -EEXIST with the reason if writing FILE.svg (with FILE.json beside it) or FILE.json alone
 * would replace a file that is neither empty nor a chart; else 0. */
int chartfile_check(const char *file, struct error *e);

/* Writes FILE.svg and, beside it, FILE.json, or FILE.json alone. Returns 0, or a negative errno
 * with the reason: -EEXIST as chartfile_check(). */
int chartfile_write(const struct chart *chart, const char *file, struct error *e);

/* Writes the picture alone. Returns the same. */
int chartfile_draw(const struct chart *chart, const char *picture, struct error *e);

/* Reads the data of a chart. Returns 0, or a negative errno with the reason. */
int chartfile_read(struct chart *chart, const char *file, struct error *e);
