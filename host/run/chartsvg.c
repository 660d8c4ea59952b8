/* SPDX-License-Identifier: MIT */
#include "host/run/chartsvg.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/run/chartlayout.h"

#define WIDTH      1200
#define MARGIN     24
#define STRIP_TOP  76 /* the bar with the groups */
#define STRIP      28
#define AXIS       132 /* the baseline of the axis' numbers */
#define ROWS_TOP   142
#define ROW        20
#define BAR        14
#define BRACKET    5 /* the height of a bar above its parts */
#define GROUP_GAP  8
#define LONGEST    6 /* the bars listed below the picture */
#define TICKS_MOST 12

/* The classes of the groups are g0 to g4. Each colour has a contrast of 4.5 at least with the text
 * on it, and of 3 with the background. */
static const char style[] =
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
    "fill:#1c2128;white-space:pre}\n"
    ".h{font-size:20px;font-weight:600}.s,.a{fill:#57606a}.b{font-weight:600}\n"
    ".bg{fill:#fff}.band{fill:#f3f5f8}.grid{stroke:#d5dae1}.in{fill:#fff}.bad{fill:#b42318}\n"
    ".badline{stroke:#b42318;stroke-width:2}.off{fill-opacity:.25;stroke-width:1}\n"
    ".end{text-anchor:end}.mid{text-anchor:middle}\n"
    ".g0{fill:#2f6fbf;stroke:#2f6fbf}.g1{fill:#7a4fb5;stroke:#7a4fb5}"
    ".g2{fill:#666e7a;stroke:#666e7a}.g3{fill:#b45309;stroke:#b45309}"
    ".g4{fill:#15803d;stroke:#15803d}\n"
    "rect{stroke-width:0}\n"
    "@media screen and (prefers-color-scheme:dark){\n"
    "text{fill:#e6e9ee}.s,.a{fill:#a7b0bc}.bg{fill:#12161c}.band{fill:#1a2028}\n"
    ".grid{stroke:#323a45}.in{fill:#10151c}.bad{fill:#ff9b8f}.badline{stroke:#ff9b8f}\n"
    ".g0{fill:#7db3f5;stroke:#7db3f5}.g1{fill:#c4a3f0;stroke:#c4a3f0}"
    ".g2{fill:#a3aab5;stroke:#a3aab5}.g3{fill:#f0a95b;stroke:#f0a95b}"
    ".g4{fill:#6fd08c;stroke:#6fd08c}\n"
    "}\n"
    "svg{max-width:100%;height:auto}\n"
    "@media print{.bg{fill:none}svg{width:100%}}\n";

const char chartsvg_mark[] = "<!-- A boot chart of run-vm -->\n";

/* Writes a text of XML, without the bytes that XML has no way to write. */
static void put_text(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '>':
            (void)fputs("&gt;", out);
            break;
        case '&':
            (void)fputs("&amp;", out);
            break;
        case '"':
            (void)fputs("&quot;", out);
            break;
        default:
            if ((unsigned char)*text >= ' ' || *text == '\n')
                (void)fputc(*text, out);
        }
}

static void draw_text(FILE *out, double x, double y, const char *class, const char *text)
{
    (void)fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
    put_text(out, text);
    (void)fputs("</text>\n", out);
}

static void draw_rect(FILE *out, double x, double y, double width, double height, const char *class)
{
    (void)fprintf(out,
                  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x,
                  y, width, height, class);
}

static void draw_line(FILE *out, double x, double top, double bottom, const char *class)
{
    (void)fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x,
                  x, top, bottom, class);
}

static double position(const struct chart *chart, int64_t time)
{
    double room = CHARTLAYOUT_RIGHT_EDGE - CHARTLAYOUT_LEFT_EDGE;
    return CHARTLAYOUT_LEFT_EDGE + room * (double)time / (double)(chart->total ? chart->total : 1);
}

/* --- the head --- */

static void draw_head(FILE *out, const struct chart *chart)
{
    char *total CLEANUP_FREE = chartlayout_duration(chart->total);
    char *title CLEANUP_FREE =
        xasprintf("Boot of %s: %s%s", chart->name, chart->reason ? "failed after " : "", total);
    (void)fputs("<title id=\"title\">", out);
    put_text(out, title);
    (void)fputs("</title>\n<style>\n", out);
    (void)fputs(style, out);
    (void)fputs("</style>\n", out);
    draw_rect(out, 0, 0, WIDTH, 10000, "bg");
    draw_text(out, MARGIN, 36, chart->reason ? "h bad" : "h", title);
    if (!chart->reason) {
        draw_text(out, MARGIN, 58, "s",
                  "from the beginning of run-vm to the beginning of stage 2; the end did not wait "
                  "for pale bars");
        return;
    }
    size_t length = strlen(chart->reason);
    char *reason CLEANUP_FREE = xstrdup(chart->reason);
    while (length > 3 && chartlayout_text_width(reason) > WIDTH - 2 * MARGIN)
        (void)strcpy(&reason[--length - 3], "...");
    draw_text(out, MARGIN, 58, "bad", reason);
}

/* Draws the groups as one bar, each from the begin of its first bar. */
static void draw_strip(FILE *out, const struct chart *chart)
{
    for (int group = 0; group < CHART_GROUPS; group++) {
        int64_t length = chart_group_length(chart, (enum chart_group)group);
        if (!length)
            continue;
        int64_t begin = chart_group_begin(chart, (enum chart_group)group);
        double x = position(chart, begin);
        double width = position(chart, begin + length) - x;
        char *duration CLEANUP_FREE = chartlayout_duration(length);
        char *label CLEANUP_FREE = xasprintf("%s  %s", chart_group_names[group], duration);
        char class[] = "g0";
        class[1] = (char)('0' + group);
        (void)fputs("<g><title>", out);
        put_text(out, label);
        (void)fputs("</title>\n", out);
        draw_rect(out, x, STRIP_TOP, width < 1 ? 1 : width, STRIP, class);
        if (chartlayout_text_width(label) + 8 < width)
            draw_text(out, x + width / 2, STRIP_TOP + 18, "in mid", label);
        (void)fputs("</g>\n", out);
    }
}

/* --- the axis --- */

/* Returns a round number of microseconds between two numbers of the axis. */
static int64_t find_interval(int64_t total)
{
    static const int factors[] = {2, 5, 10};
    int64_t power = 1;
    for (;; power *= 10)
        for (size_t i = 0; i < ELEMENTS(factors); i++)
            if (total / (power * factors[i]) <= TICKS_MOST)
                return power * factors[i];
}

static void draw_axis(FILE *out, const struct chart *chart, double bottom)
{
    int64_t interval = find_interval(chart->total);
    bool seconds = interval >= 100000;
    for (int64_t time = 0; time <= chart->total; time += interval) {
        double x = position(chart, time);
        char *label CLEANUP_FREE = seconds ? xasprintf("%g s", (double)time / 1e6)
                                           : xasprintf("%g ms", (double)time / 1e3);
        draw_line(out, x, AXIS + 4, bottom, "grid");
        draw_text(out, x, AXIS, x > WIDTH - MARGIN - 20 ? "a end" : "a mid", label);
    }
}

/* --- the rows --- */

/* Writes the text that appears when the pointer is on a bar. */
static void put_title(FILE *out, const struct chart_bar *bar)
{
    char *from CLEANUP_FREE = chartlayout_duration(bar->begin);
    char *to CLEANUP_FREE = chartlayout_duration(bar->end);
    char *length CLEANUP_FREE = chartlayout_duration(bar->end - bar->begin);
    char *waited CLEANUP_FREE = chartlayout_duration(bar->waited);
    (void)fputs("<title>", out);
    put_text(out, chart_group_names[bar->group]);
    (void)fputs(": ", out);
    put_text(out, bar->name);
    (void)fprintf(out, "\n%s, from %s to %s\n", length, from, to);
    if (bar->note)
        put_text(out, bar->note);
    (void)fprintf(out, "%s%s%s</title>\n", bar->note ? "\n" : "",
                  bar->critical ? "the end waited for it: " : "the end did not wait for it",
                  bar->critical ? waited : "");
}

static void draw_row(FILE *out, const struct chart *chart, const struct chartlayout_row *row,
                     double y)
{
    const struct chart_bar *bar = &chart->bars[row->bar];
    char class[16];
    (void)snprintf(class, sizeof class, "g%d%s", (int)bar->group, bar->critical ? "" : " off");
    (void)fputs("<g>", out);
    put_title(out, bar);
    draw_rect(out, row->x, row->outer ? y + BAR - BRACKET : y, row->width,
              row->outer ? BRACKET : BAR, class);
    double text = y + BAR - 3;
    if (row->side == CHARTLAYOUT_INSIDE)
        draw_text(out, row->x + 6, text, bar->critical ? "in" : "", row->label);
    else if (row->side == CHARTLAYOUT_RIGHT)
        draw_text(out, row->x + row->width + 6, text, row->outer ? "b" : "", row->label);
    else
        draw_text(out, row->x - 6, text, row->outer ? "b end" : "end", row->label);
    (void)fputs("</g>\n", out);
}

static enum chart_group group_of(const struct chart *chart, const struct chartlayout *layout,
                                 size_t row)
{
    return chart->bars[layout->rows[row].bar].group;
}

/* Returns the number of rows from `first` on that are of one group. */
static size_t count_rows(const struct chart *chart, const struct chartlayout *layout, size_t first)
{
    size_t count = 1;
    while (first + count < layout->count &&
           group_of(chart, layout, first + count) == group_of(chart, layout, first))
        count++;
    return count;
}

/* Draws a group's band, and its name before it. Returns the y after it. */
static double draw_band(FILE *out, const struct chart *chart, enum chart_group group, size_t rows,
                        double y)
{
    double height = (double)rows * ROW + 2;
    char *duration CLEANUP_FREE = chartlayout_duration(chart_group_length(chart, group));
    draw_rect(out, MARGIN - 8, y, WIDTH - 2 * MARGIN + 16, height, "band");
    draw_text(out, MARGIN, y + 15, "b", chart_group_names[group]);
    draw_text(out, CHARTLAYOUT_LEFT_EDGE - 12, y + 15, "s end", duration);
    return y + height + GROUP_GAP;
}

static double draw_bands(FILE *out, const struct chart *chart, const struct chartlayout *layout)
{
    double y = ROWS_TOP;
    for (size_t i = 0; i < layout->count;) {
        size_t rows = count_rows(chart, layout, i);
        y = draw_band(out, chart, group_of(chart, layout, i), rows, y);
        i += rows;
    }
    return y;
}

static void draw_rows(FILE *out, const struct chart *chart, const struct chartlayout *layout)
{
    double y = ROWS_TOP;
    for (size_t i = 0; i < layout->count;) {
        size_t rows = count_rows(chart, layout, i);
        for (size_t j = 0; j < rows; j++)
            draw_row(out, chart, &layout->rows[i + j], y + 4 + (double)j * ROW);
        y += (double)rows * ROW + 2 + GROUP_GAP;
        i += rows;
    }
}

/* --- the list of the longest --- */

static int compare_waited(const void *left, const void *right)
{
    const struct chart_bar *a = *(struct chart_bar *const *)left;
    const struct chart_bar *b = *(struct chart_bar *const *)right;
    return (a->waited < b->waited) - (a->waited > b->waited);
}

static void draw_longest(FILE *out, const struct chart *chart, double y)
{
    struct chart_bar **bars CLEANUP_FREE = xcalloc(chart->count + 1, sizeof *bars);
    for (size_t i = 0; i < chart->count; i++)
        bars[i] = &chart->bars[i];
    qsort(bars, chart->count, sizeof *bars, compare_waited);
    draw_text(out, MARGIN, y, "b", "The end waited longest for");
    for (size_t i = 0; i < LONGEST && i < chart->count && bars[i]->waited > 0; i++) {
        double at = y + 20 + (double)i * 18;
        char *time CLEANUP_FREE = chartlayout_duration(bars[i]->waited);
        char *share CLEANUP_FREE =
            xasprintf("%.0f %%", 100.0 * (double)bars[i]->waited / (double)chart->total);
        const char *group = chart_group_names[bars[i]->group];
        bool named = startswith(bars[i]->name, group);
        char *name CLEANUP_FREE =
            xasprintf("%s%s%s%s", named ? "" : group, named ? "" : ": ", bars[i]->name,
                      chart_has_parts(chart, bars[i]) ? ", besides its parts" : "");
        draw_text(out, MARGIN + 64, at, "end", time);
        draw_text(out, MARGIN + 112, at, "s end", share);
        draw_text(out, MARGIN + 126, at, "", name);
    }
}

void chartsvg_write(const struct chart *chart, FILE *out)
{
    struct chartlayout layout;
    chartlayout_arrange(&layout, chart);
    char *body CLEANUP_FREE = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&body, &size);
    if (!memory)
        return;
    double bottom = draw_bands(memory, chart, &layout);
    draw_axis(memory, chart, bottom - GROUP_GAP);
    draw_rows(memory, chart, &layout);
    if (chart->reason)
        draw_line(memory, CHARTLAYOUT_RIGHT_EDGE, STRIP_TOP, bottom - GROUP_GAP, "badline");
    draw_longest(memory, chart, bottom + 22);
    (void)fclose(memory);
    int height = (int)bottom + 22 + 20 + LONGEST * 18 + MARGIN / 2;
    (void)fputs(chartsvg_mark, out);
    (void)fprintf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                  "height=\"%d\" role=\"img\" aria-labelledby=\"title\">\n",
                  WIDTH, height, WIDTH, height);
    draw_head(out, chart);
    draw_strip(out, chart);
    (void)fputs(body, out);
    (void)fputs("</svg>\n", out);
    chartlayout_free(&layout);
}
