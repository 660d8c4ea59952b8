/* SPDX-License-Identifier: MIT */
#include "host/store/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"

void progress_start(struct progress *progress, const char *what, const char *detail, uint64_t total)
{
    *progress = (struct progress){
        .what = what, .total = total, .started = clock_milliseconds(), .on = isatty(STDERR_FILENO)};
    if (!progress->on && detail)
        log_info("%s: %s", what, detail);
}

char *progress_format(const struct progress *progress, uint64_t done, int64_t milliseconds)
{
    uint64_t rate = milliseconds > 0 ? done * 1000 / (uint64_t)milliseconds : 0;
    char *rest CLEANUP_FREE = NULL;
    if (progress->total > done && rate > 0)
        rest = xasprintf(", %" PRIu64 " s left", (progress->total - done) / rate + 1);
    char *of CLEANUP_FREE = NULL;
    if (progress->total > 0)
        of = xasprintf(" of about %" PRIu64, progress->total / MIB);
    return xasprintf("%s: %" PRIu64 "%s MiB, %" PRIu64 " MiB/s%s", progress->what, done / MIB,
                     of ? of : "", rate / MIB, rest ? rest : "");
}

void progress_show(const struct progress *progress, uint64_t done)
{
    if (!progress->on)
        return;
    char *line CLEANUP_FREE =
        progress_format(progress, done, clock_milliseconds() - progress->started);
    (void)fprintf(stderr, "\r%s\033[K", line);
}

void progress_note(const struct progress *progress, const char *step)
{
    if (progress->on)
        (void)fprintf(stderr, "\r%s: %s\033[K", progress->what, step);
}

void progress_end(const struct progress *progress)
{
    if (progress->on)
        (void)fputs("\r\033[K", stderr);
}
