/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static void to_stderr(enum log_level level, const char *message)
{
    (void)level;
    (void)fprintf(stderr, "%s\n", message);
}

static log_sink *current_sink = to_stderr;
static enum log_level least_urgent = LOG_LEVEL_INFO;

void log_set_sink(log_sink *sink)
{
    current_sink = sink;
}

void log_set_level(enum log_level level)
{
    least_urgent = level;
}

void log_message(enum log_level level, const char *format, ...)
{
    if (level > least_urgent)
        return;
    va_list arguments;
    va_start(arguments, format);
    char *message CLEANUP_FREE = xvasprintf(format, arguments);
    va_end(arguments);
    current_sink(level, message);
}
