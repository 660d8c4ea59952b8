/* SPDX-License-Identifier: MIT */
#include "host/run/bootchart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "host/run/chartfile.h"
#include "host/run/consoletail.h"
#include "host/system/path.h"

/* No boot sends more marks than this, nor one so late, in microseconds, nor a counter or duration
 * as great. */
#define MARKS_MOST  10000
#define LATEST      1000000000000
#define NUMBER_MOST 1e17

/* Returns the number at the beginning of a mark's text, and what follows it. Root in the guest can
 * send marks with any: those that cannot be are 0. */
static double read_number(const char *text, char **rest)
{
    double number = strtod(text, rest);
    return number >= 0 && number <= NUMBER_MOST ? number : 0;
}

/* --- the clocks --- */

/* The guest's clock on the host's: a kernel that was interrupted while it measured its processor
 * has a clock that is fast or slow. */
struct clocks {
    int64_t machine; /* when the machine began, by the host's clock; -1: unknown */
    int64_t kernel;  /* when the clock of the guest's kernel began; -1: no mark arrived */
    double rate;     /* the microseconds of the host in one of the guest */
};

static int64_t host_time(const struct clocks *clocks, int64_t guest)
{
    return clocks->kernel + (int64_t)((double)guest * clocks->rate);
}

/* Takes the clock of the guest for right. The mark that arrived fastest tells best when it began.
 */
static void align_by_marks(struct clocks *clocks, const struct bootchart *marks)
{
    *clocks = (struct clocks){.machine = -1, .kernel = -1, .rate = 1};
    for (size_t i = 0; i < marks->count; i++) {
        const struct bootchart_mark *mark = &marks->marks[i];
        int64_t began = mark->host - mark->guest;
        if (mark->guest >= 0 && (clocks->kernel < 0 || began < clocks->kernel))
            clocks->kernel = began;
    }
}

/* Returns the first mark with the processor's counter, or the last one. NULL: there is none. */
static const struct bootchart_mark *find_counter(const struct bootchart *marks, bool last)
{
    const struct bootchart_mark *found = NULL;
    for (size_t i = 0; i < marks->count && (last || !found); i++)
        if (marks->marks[i].kind == BOOTMARK_CLOCK && marks->marks[i].guest >= 0)
            found = &marks->marks[i];
    return found;
}

static double counter_of(const struct bootchart_mark *mark)
{
    return read_number(mark->text, NULL);
}

/* Aligns the clocks by the counter, which began with the machine: its first and last mark give its
 * rate by the guest's clock, and if it is that of the host, it says what is wrong with the guest's
 * clock. `qemu` is when QEMU was started. */
static void find_clocks(struct clocks *clocks, const struct bootchart *marks, int64_t qemu)
{
    align_by_marks(clocks, marks);
    const struct bootchart_mark *first = find_counter(marks, false);
    const struct bootchart_mark *last = find_counter(marks, true);
    if (!first || last->guest <= first->guest)
        return;
    double rate = (counter_of(last) - counter_of(first)) / (double)(last->guest - first->guest);
    double before = rate > 0 ? counter_of(first) / rate - (double)first->guest : -1;
    if (before < 0 || before > LATEST)
        return;
    if (marks->host_rate > 0) {
        double right = rate / marks->host_rate;
        int64_t one = first->host - (int64_t)(counter_of(first) / marks->host_rate);
        int64_t other = last->host - (int64_t)(counter_of(last) / marks->host_rate);
        int64_t machine = one < other ? one : other;
        if (machine >= qemu && right > 0.1 && right < 10) {
            *clocks = (struct clocks){
                .machine = machine, .kernel = machine + (int64_t)(before * right), .rate = right};
            return;
        }
    }
    if (clocks->kernel - (int64_t)before >= qemu)
        clocks->machine = clocks->kernel - (int64_t)before;
}

/* --- the bars --- */

struct builder {
    struct chart *chart;
    const struct bootchart *marks;
    int64_t origin;
    int64_t end;
    struct clocks clocks;
};

/* Returns the time from the beginning of run-vm, within the chart: root in the guest can send marks
 * with any time. */
static int64_t since(const struct builder *b, int64_t host)
{
    int64_t time = host < b->end ? host : b->end;
    return time > b->origin ? time - b->origin : 0;
}

/* Adds the steps of run-vm. */
static void add_host(const struct builder *b, const struct timeline_span *spans, size_t count)
{
    size_t *outer CLEANUP_FREE = xcalloc(count + 1, sizeof *outer);
    for (size_t i = 0; i < count && spans[i].begin <= b->end; i++) {
        const struct timeline_span *span = &spans[i];
        if (streq(span->name, TIMELINE_QEMU))
            continue;
        size_t parent = span->depth ? outer[span->depth - 1] : CHART_NO_PARENT;
        outer[span->depth] =
            chart_add(b->chart, CHART_HOST, parent, since(b, span->begin),
                      since(b, span->end ? span->end : b->end),
                      consoletail_clean(span->name, strlen(span->name)), xstrdup(span->note));
    }
}

/* Returns when QEMU was started; -1: it was not. */
static int64_t find_qemu(const struct timeline_span *spans, size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (streq(spans[i].name, TIMELINE_QEMU))
            return spans[i].begin;
    return -1;
}

static void add_step(const struct builder *b, enum chart_group group, int64_t begin, int64_t end,
                     const char *name, const char *note)
{
    (void)chart_add(b->chart, group, CHART_NO_PARENT, since(b, begin), since(b, end), xstrdup(name),
                    xstrdup(note));
}

/* Adds QEMU, the firmware and the kernel up to init's first mark. */
static void add_machine(const struct builder *b, int64_t qemu, int64_t init)
{
    const struct clocks *clocks = &b->clocks;
    bool marks = b->marks->guest_marks;
    if (clocks->kernel < 0) {
        add_step(b, CHART_QEMU, qemu, b->end, marks ? "QEMU, firmware and kernel" : "QEMU",
                 marks ? "no mark of the guest's init arrived" : "this guest sends no marks");
        return;
    }
    if (clocks->machine < 0) {
        add_step(b, CHART_QEMU, qemu, clocks->kernel, "QEMU and firmware", NULL);
    } else {
        add_step(b, CHART_QEMU, qemu, clocks->machine, "start of QEMU", NULL);
        add_step(b, CHART_FIRMWARE, clocks->machine, clocks->kernel,
                 "firmware, unpacking the kernel", "until the kernel's clock began");
    }
    add_step(b, CHART_KERNEL, clocks->kernel, init, "kernel up to /init", NULL);
}

/* Adds an initcall as a part of the kernel's bar, the last one so far: "DURATION NAME". */
static void add_initcall(const struct builder *b, const struct bootchart_mark *mark, size_t kernel)
{
    char *name = NULL;
    int64_t end = since(b, host_time(&b->clocks, mark->guest));
    int64_t duration = (int64_t)(read_number(mark->text, &name) * b->clocks.rate);
    int64_t least = b->chart->bars[kernel].begin;
    int64_t begin = duration < 0 ? end : end - duration < least ? least : end - duration;
    (void)chart_add(b->chart, CHART_KERNEL, kernel, begin, end, xstrdup(name + strspn(name, " ")),
                    xstrdup("initcall"));
}

static void end_bar(struct chart *chart, size_t *bar, int64_t time)
{
    if (*bar != CHART_NO_PARENT)
        chart->bars[*bar].end = time;
    *bar = CHART_NO_PARENT;
}

/* The kind of a part is its first word: "module ext4", "wait LABEL=disk". */
static const char *describe_part(const char *text)
{
    return startswith(text, "wait ")     ? "waited for the device"
           : startswith(text, "module ") ? "loaded and initialized"
                                         : NULL;
}

/* Adds init's steps and their parts. One that waits for the same as before is not new. */
static void add_init(const struct builder *b)
{
    struct chart *chart = b->chart;
    size_t step = CHART_NO_PARENT;
    size_t part = CHART_NO_PARENT;
    for (size_t i = 0; i < b->marks->count; i++) {
        const struct bootchart_mark *mark = &b->marks->marks[i];
        if (mark->guest < 0 || (mark->kind != BOOTMARK_STEP && mark->kind != BOOTMARK_PART &&
                                mark->kind != BOOTMARK_STARTED))
            continue;
        int64_t time = since(b, host_time(&b->clocks, mark->guest));
        bool same = mark->kind == BOOTMARK_PART && part != CHART_NO_PARENT &&
                    streq(chart->bars[part].name, mark->text);
        if (same)
            continue;
        end_bar(chart, &part, time);
        if (mark->kind == BOOTMARK_PART && *mark->text)
            part = chart_add(chart, CHART_INIT, step, time, since(b, b->end), xstrdup(mark->text),
                             xstrdup(describe_part(mark->text)));
        if (mark->kind == BOOTMARK_PART)
            continue;
        end_bar(chart, &step, time);
        if (mark->kind == BOOTMARK_STEP)
            step = chart_add(chart, CHART_INIT, CHART_NO_PARENT, time, since(b, b->end),
                             xstrdup(mark->text), NULL);
    }
}

/* Returns the time of init's first mark; that of the end without one. */
static int64_t first_mark(const struct builder *b)
{
    for (size_t i = 0; i < b->marks->count; i++)
        if (b->marks->marks[i].guest >= 0 && b->marks->marks[i].kind != BOOTMARK_INITCALL)
            return host_time(&b->clocks, b->marks->marks[i].guest);
    return b->end;
}

/* Returns the time of the last mark, if stage 2 began then; -1: it did not, or has no time. */
static int64_t find_start(const struct bootchart *marks)
{
    if (marks->count == 0)
        return -1;
    const struct bootchart_mark *last = &marks->marks[marks->count - 1];
    return last->kind == BOOTMARK_STARTED ? last->guest : -1;
}

void bootchart_build(struct chart *chart, const struct bootchart *marks,
                     const struct timeline_span *spans, size_t span_count, int64_t origin,
                     int64_t end, const char *reason)
{
    *chart = (struct chart){.name = xstrdup(marks->name), .reason = xstrdup(reason)};
    struct builder b = {.chart = chart, .marks = marks, .origin = origin, .end = end};
    int64_t qemu = find_qemu(spans, span_count);
    find_clocks(&b.clocks, marks, qemu);
    int64_t started = find_start(marks);
    if (started >= 0)
        b.end = host_time(&b.clocks, started);
    chart->total = since(&b, b.end);
    chart->kernel_clock = b.clocks.kernel < 0 ? -1 : since(&b, b.clocks.kernel);
    add_host(&b, spans, span_count);
    if (qemu >= 0)
        add_machine(&b, qemu, first_mark(&b));
    size_t kernel = chart->count - 1;
    for (size_t i = 0; i < marks->count; i++)
        if (marks->marks[i].kind == BOOTMARK_INITCALL && qemu >= 0)
            add_initcall(&b, &marks->marks[i], kernel);
    add_init(&b);
    chart_find_path(chart);
}

/* --- collecting --- */

static void write_now(struct bootchart *marks, const char *reason)
{
    struct error e CLEANUP_ERROR = {0};
    struct chart chart CLEANUP_CHART = {0};
    size_t count = 0;
    const struct timeline_span *spans = timeline_spans(&count);
    marks->host_rate = timeline_counter_rate();
    int64_t qemu = find_qemu(spans, count);
    int64_t end = marks->guest_marks || qemu < 0 ? clock_microseconds() : qemu;
    bootchart_build(&chart, marks, spans, count, timeline_origin(), end, reason);
    marks->tried = true;
    marks->written = chartfile_write(&chart, marks->file, &e) == 0;
    if (!marks->written)
        log_error("--boot-chart: %s", e.message);
}

static void collect(void *context, const struct bootmark *mark)
{
    struct bootchart *chart = context;
    if (!chart->file || (chart->count && chart->marks[chart->count - 1].kind == BOOTMARK_STARTED))
        return; /* a later boot of this machine */
    if (mark->guest > LATEST || (mark->kind != BOOTMARK_STARTED && chart->count >= MARKS_MOST))
        return;
    ARRAY_PUSH(chart->marks, chart->count,
               (struct bootchart_mark){.kind = mark->kind,
                                       .guest = mark->guest,
                                       .host = mark->host,
                                       .text = xstrdup(mark->text)});
    if (mark->kind == BOOTMARK_STARTED)
        write_now(chart, NULL);
    else if (mark->kind == BOOTMARK_FAILED)
        write_now(chart, mark->text);
}

int bootchart_check(const char *file, struct error *e)
{
    if (chartfile_kind(file) == CHARTFILE_NONE)
        return error_set(e, -EINVAL, "--boot-chart: %s: expected a name that ends in .svg or .json",
                         file);
    char *directory CLEANUP_FREE = path_directory(file);
    if (access(directory, W_OK | X_OK) < 0)
        return error_errno(e, errno, "--boot-chart: %s: no file can be made in its directory",
                           file);
    struct error problem CLEANUP_ERROR = {0};
    int r = chartfile_check(file, &problem);
    return r < 0 ? error_set(e, r, "--boot-chart: %s", problem.message) : 0;
}

void bootchart_open(struct bootchart *chart)
{
    if (chart->file)
        bootreport_observe(collect, chart);
}

void bootchart_finish(struct bootchart *chart, const char *reason)
{
    if (!chart->file)
        return;
    if (!chart->tried)
        write_now(chart, reason                ? reason
                         : !chart->guest_marks ? NULL
                                               : "QEMU ended before stage 2 began");
    if (chart->written)
        log_info("the chart of the boot is in %s", chart->file);
    chart->file = NULL;
}

void bootchart_free(struct bootchart *chart)
{
    bootreport_ignore(chart);
    for (size_t i = 0; i < chart->count; i++)
        free(chart->marks[i].text);
    free(chart->marks);
    *chart = (struct bootchart){0};
}
