/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void abort_out_of_memory(void)
{
    static const char message[] = "out of memory\n";
    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    abort();
}

void (*alloc_out_of_memory)(void) = abort_out_of_memory;

static void *checked(void *pointer)
{
    if (!pointer) {
        alloc_out_of_memory();
        abort();
    }
    return pointer;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    /* calloc() of 0 bytes may return NULL without an error */
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xreallocarray(void *pointer, size_t count, size_t size)
{
    return checked(reallocarray(pointer, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return text ? checked(strdup(text)) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
    return checked(strndup(text, length));
}

char *xvasprintf(const char *format, va_list arguments)
{
    char text[256]; /* most are shorter; vasprintf() allocates twice, or formats twice */
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(text, sizeof text, format, arguments);
    char *result = checked(length < 0 ? NULL : malloc((size_t)length + 1));
    if ((size_t)length < sizeof text)
        (void)memcpy(result, text, (size_t)length + 1);
    else
        (void)vsnprintf(result, (size_t)length + 1, format, again);
    va_end(again);
    return result;
}

char *xasprintf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = xvasprintf(format, arguments);
    va_end(arguments);
    return text;
}
