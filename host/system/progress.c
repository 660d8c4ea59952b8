/* SPDX-License-Identifier: MIT */
#include "host/system/progress.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "host/system/statusline.h"

/* The time that work takes at least to be worth a line, in milliseconds. */
#define PATIENCE 500

struct progress progress_start(const char *what, const char *detail, enum progress_unit unit,
                               uint64_t total)
{
    return (struct progress){.what = what,
                             .detail = detail,
                             .unit = unit,
                             .total = total,
                             .started = clock_milliseconds()};
}

static char *format_bytes(const struct progress *progress, uint64_t done, int64_t milliseconds)
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

char *progress_format(const struct progress *progress, uint64_t done, int64_t milliseconds)
{
    if (progress->unit == PROGRESS_BYTES)
        return format_bytes(progress, done, milliseconds);
    if (progress->unit == PROGRESS_ITEMS)
        return xasprintf("%s: %" PRIu64 " of %" PRIu64, progress->what, done, progress->total);
    return xasprintf("%s: %" PRId64 " s", progress->what, milliseconds / 1000);
}

void progress_show(struct progress *progress, uint64_t done)
{
    int64_t passed = progress ? clock_milliseconds() - progress->started : 0;
    if (passed < PATIENCE)
        return;
    if (statusline_terminal() == STATUSLINE_LIVE) {
        char *line CLEANUP_FREE = progress_format(progress, done, passed);
        statusline_show(line);
    } else if (progress->detail && !progress->announced) {
        log_info("%s: %s", progress->what, progress->detail);
        progress->announced = true;
    }
}

void progress_end(const struct progress *progress)
{
    (void)progress;
    statusline_clear();
}
