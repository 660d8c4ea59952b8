/* SPDX-License-Identifier: MIT */
#include "host/system/timeline.h"

#include <stdbool.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/text.h"

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
static unsigned long long read_counter(void)
{
    return __rdtsc();
}
#else
static unsigned long long read_counter(void)
{
    return 0;
}
#endif

static int64_t origin;
static unsigned long long origin_counter;
static struct timeline_span *spans;
static size_t count;

void timeline_start(void)
{
    origin = clock_microseconds();
    origin_counter = read_counter();
}

/* Returns the step that began last and has not ended, or NULL. */
static struct timeline_span *innermost(void)
{
    for (size_t i = count; i-- > 0;)
        if (!spans[i].end)
            return &spans[i];
    return NULL;
}

void timeline_begin(const char *name, const char *detail)
{
    const struct timeline_span *outer = innermost();
    bool more = *detail && !streq(detail, name);
    ARRAY_PUSH(spans, count,
               (struct timeline_span){
                   .name = xasprintf("%s%s%s", name, more ? " " : "", more ? detail : ""),
                   .begin = clock_microseconds(),
                   .depth = outer ? outer->depth + 1 : 0});
}

void timeline_end(void)
{
    struct timeline_span *span = innermost();
    if (span)
        span->end = clock_microseconds();
}

void timeline_note(const char *note)
{
    struct timeline_span *span = innermost();
    if (span)
        span->note = note;
}

int64_t timeline_origin(void)
{
    return origin;
}

const struct timeline_span *timeline_spans(size_t *number)
{
    *number = count;
    return spans;
}

double timeline_counter_rate(void)
{
    int64_t time = clock_microseconds() - origin;
    return time > 0 ? (double)(read_counter() - origin_counter) / (double)time : 0;
}
