/* SPDX-License-Identifier: MIT */
#include "host/run/deadline.h"

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/system/process.h"

int deadline_parse(unsigned int *seconds, const char *text, struct error *e)
{
    uint64_t value = 0;
    if (!text_number(text, INT_MAX / 1000, &value) || value == 0)
        return error_set(e, -EINVAL, "--timeout: is \"%s\", expected seconds, at least 1", text);
    *seconds = (unsigned int)value;
    return 0;
}

struct deadline deadline_start(unsigned int seconds)
{
    return (struct deadline){.seconds = seconds,
                             .at = clock_milliseconds() + (int64_t)seconds * 1000};
}

int deadline_left(const struct deadline *deadline)
{
    return deadline->seconds == 0 || deadline->passed ? -1 : clock_left(deadline->at);
}

int deadline_report(const struct deadline *deadline, const char *step, const char *line,
                    struct error *e)
{
    char *console CLEANUP_FREE =
        line && *line ? xasprintf("; the last line of its console: %s", line) : xstrdup("");
    (void)error_set(e, -ETIMEDOUT, "the guest has not ended within %u s (--timeout)%s%s%s",
                    deadline->seconds, step ? "; the last it did: " : "", step ? step : "",
                    console);
    return error_status(e, -ETIMEDOUT, STATUS_TIMED_OUT);
}
