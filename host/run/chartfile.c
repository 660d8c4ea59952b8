/* SPDX-License-Identifier: MIT */
#include "host/run/chartfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/run/chartsvg.h"
#include "host/system/atomicfile.h"

#define FORMAT 1

enum chartfile_kind chartfile_kind(const char *file)
{
    const char *end = strrchr(file, '.');
    return !end                  ? CHARTFILE_NONE
           : streq(end, ".json") ? CHARTFILE_JSON
           : streq(end, ".svg")  ? CHARTFILE_SVG
                                 : CHARTFILE_NONE;
}

/* --- what may be replaced --- */

/* Returns the name of the data's file beside a picture, or the file itself if it is the data's; the
 * caller frees. */
static char *name_data(const char *file)
{
    if (chartfile_kind(file) == CHARTFILE_JSON)
        return xstrdup(file);
    return xasprintf("%.*s.json", (int)(strlen(file) - strlen(".svg")), file);
}

static bool is_picture(const char *file)
{
    size_t length = strlen(chartsvg_mark);
    char head[64];
    return file_read_head(file, head, length) == (ssize_t)length &&
           memcmp(head, chartsvg_mark, length) == 0;
}

static bool is_data(const char *file)
{
    struct chart chart CLEANUP_CHART = {0};
    return chartfile_read(&chart, file, NULL) == 0;
}

/* True if nothing is lost with the file: it is empty, or a chart. */
static bool is_replaceable(const char *file, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return false;
    return st->st_size == 0 ||
           (chartfile_kind(file) == CHARTFILE_SVG ? is_picture(file) : is_data(file));
}

static int check_file(const char *file, struct error *e)
{
    struct stat st;
    if (stat(file, &st) < 0)
        return errno == ENOENT ? 0 : error_errno(e, errno, "%s", file);
    if (is_replaceable(file, &st))
        return 0;
    return error_set(
        e, -EEXIST,
        "%s: exists, and is no boot chart, which could be replaced: give another name, "
        "or remove it first",
        file);
}

int chartfile_check(const char *file, struct error *e)
{
    char *data CLEANUP_FREE = name_data(file);
    int r = check_file(data, e);
    return r < 0 || chartfile_kind(file) == CHARTFILE_JSON ? r : check_file(file, e);
}

/* --- writing --- */

static json_t *bar_to_json(const struct chart_bar *bar)
{
    json_t *parent =
        bar->parent == CHART_NO_PARENT ? json_null() : json_integer((json_int_t)bar->parent);
    return json_pack("{s:s, s:s, s:s?, s:o, s:I, s:I, s:I, s:b}", "group",
                     chart_group_names[bar->group], "name", bar->name, "note", bar->note, "parent",
                     parent, "begin", (json_int_t)bar->begin, "end", (json_int_t)bar->end, "waited",
                     (json_int_t)bar->waited, "critical", bar->critical);
}

static json_t *chart_to_json(const struct chart *chart)
{
    json_t *bars = json_array();
    for (size_t i = 0; i < chart->count; i++)
        (void)json_array_append_new(bars, bar_to_json(&chart->bars[i]));
    json_t *clock =
        chart->kernel_clock < 0 ? json_null() : json_integer((json_int_t)chart->kernel_clock);
    return json_pack("{s:i, s:s, s:s, s:s?, s:I, s:o, s:o}", "bootChart", FORMAT, "name",
                     chart->name, "result", chart->reason ? "failed" : "started", "reason",
                     chart->reason, "total", (json_int_t)chart->total, "kernelClock", clock, "bars",
                     bars);
}

static int write_json(const struct chart *chart, FILE *out)
{
    json_t *json = chart_to_json(chart);
    int r = json ? json_dumpf(json, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : -1;
    json_decref(json);
    return r < 0 || fputc('\n', out) == EOF ? -EIO : 0;
}

static int write_svg(const struct chart *chart, FILE *out)
{
    chartsvg_write(chart, out);
    return 0;
}

static int write_file(const struct chart *chart, const char *path,
                      int (*write)(const struct chart *chart, FILE *out), struct error *e)
{
    char *temporary CLEANUP_FREE = atomicfile_temporary(path);
    FILE *out = fopen(temporary, "wex");
    if (!out)
        return error_errno(e, errno, "%s: cannot be written", path);
    int r = write(chart, out);
    if (fclose(out) != 0 && r == 0)
        r = -errno;
    if (r < 0)
        (void)error_errno(e, -r, "%s: cannot be written", path);
    else
        r = atomicfile_commit(temporary, path, true, e);
    if (r < 0)
        (void)unlink(temporary);
    return r;
}

int chartfile_draw(const struct chart *chart, const char *picture, struct error *e)
{
    int r = check_file(picture, e);
    return r < 0 ? r : write_file(chart, picture, write_svg, e);
}

int chartfile_write(const struct chart *chart, const char *file, struct error *e)
{
    char *data CLEANUP_FREE = name_data(file);
    int r = chartfile_check(file, e);
    if (r == 0)
        r = write_file(chart, data, write_json, e);
    if (r == 0 && chartfile_kind(file) == CHARTFILE_SVG)
        r = write_file(chart, file, write_svg, e);
    return r;
}

/* --- reading --- */

static int find_group(const char *name)
{
    for (int i = 0; i < CHART_GROUPS; i++)
        if (streq(chart_group_names[i], name))
            return i;
    return -1;
}

/* Adds a bar of the file. Returns false if it is none, or its times are not those of a boot. */
static bool add_bar(struct chart *chart, const json_t *json)
{
    const char *group = NULL;
    const char *name = NULL;
    const json_t *note = NULL;
    const json_t *parent = NULL;
    json_int_t begin = 0;
    json_int_t end = 0;
    json_int_t waited = 0;
    int critical = 0;
    if (json_unpack((json_t *)json, "{s:s, s:s, s?o, s:o, s:I, s:I, s:I, s:b}", "group", &group,
                    "name", &name, "note", &note, "parent", &parent, "begin", &begin, "end", &end,
                    "waited", &waited, "critical", &critical) < 0 ||
        find_group(group) < 0 || begin < 0 || end < begin || end > chart->total)
        return false;
    json_int_t above = json_is_integer(parent) ? json_integer_value(parent) : -1;
    if (above >= (json_int_t)chart->count)
        return false;
    size_t bar = chart_add(chart, (enum chart_group)find_group(group),
                           above < 0 ? CHART_NO_PARENT : (size_t)above, begin, end, xstrdup(name),
                           xstrdup(json_string_value(note)));
    chart->bars[bar].waited = waited;
    chart->bars[bar].critical = critical;
    return true;
}

static bool chart_from_json(struct chart *chart, const json_t *json)
{
    const char *name = NULL;
    const json_t *reason = NULL;
    const json_t *bars = NULL;
    json_int_t total = 0;
    int format = 0;
    if (json_unpack((json_t *)json, "{s:i, s:s, s?o, s:I, s:o}", "bootChart", &format, "name",
                    &name, "reason", &reason, "total", &total, "bars", &bars) < 0 ||
        format != FORMAT || total <= 0 || !json_is_array(bars))
        return false;
    *chart = (struct chart){.name = xstrdup(name),
                            .reason = xstrdup(json_string_value(reason)),
                            .total = total,
                            .kernel_clock = -1};
    for (size_t i = 0; i < json_array_size(bars); i++)
        if (!add_bar(chart, json_array_get(bars, i)))
            return false;
    return true;
}

int chartfile_read(struct chart *chart, const char *file, struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE = file_read(file, FILE_LIMIT, &size, e);
    if (!text)
        return -EIO;
    json_error_t problem;
    json_t *json = json_loadb(text, size, 0, &problem);
    bool good = json && chart_from_json(chart, json);
    json_decref(json);
    if (!good)
        return error_set(e, -EINVAL, "%s: not the data of a boot chart, as --boot-chart writes it",
                         file);
    return 0;
}
