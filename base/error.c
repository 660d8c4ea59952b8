/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"

static void replace(struct error *e, char *message)
{
    free(e->message);
    e->message = message;
}

int error_set(struct error *e, int code, const char *format, ...)
{
    if (!e)
        return code;
    va_list arguments;
    va_start(arguments, format);
    replace(e, xvasprintf(format, arguments));
    va_end(arguments);
    return code;
}

int error_errno(struct error *e, int number, const char *format, ...)
{
    if (!e)
        return -number;
    va_list arguments;
    va_start(arguments, format);
    char *what CLEANUP_FREE = xvasprintf(format, arguments);
    va_end(arguments);
    replace(e, xasprintf("%s: %s", what, strerror(number)));
    return -number;
}

int error_context(struct error *e, int code, const char *format, ...)
{
    if (!e)
        return code;
    va_list arguments;
    va_start(arguments, format);
    char *context CLEANUP_FREE = xvasprintf(format, arguments);
    va_end(arguments);
    replace(e, e->message ? xasprintf("%s: %s", context, e->message) : TAKE(context));
    return code;
}

int error_status(struct error *e, int code, int status)
{
    if (e)
        e->status = status;
    return code;
}

void error_free(struct error *e)
{
    free(e->message);
    *e = (struct error){0};
}
