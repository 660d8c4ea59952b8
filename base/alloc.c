/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The size of a buffer that most formatted texts fit into. */
#define SHORT 256

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

/* Appends `size` bytes and a zero byte to a text of `*length` bytes. Returns false if they do not
 * fit. */
static bool append(char text[SHORT], size_t *length, const char *bytes, size_t size)
{
    if (size >= SHORT - *length)
        return false;
    (void)memcpy(text + *length, bytes, size);
    *length += size;
    text[*length] = '\0';
    return true;
}

/* Formats a short text without a conversion other than %s, as most are: printf() takes several
 * times as many instructions. Returns false for another one. */
static bool join(char text[SHORT], size_t *length, const char *format, va_list arguments)
{
    *length = 0;
    for (;;) {
        const char *conversion = strchrnul(format, '%');
        if (!append(text, length, format, (size_t)(conversion - format)))
            return false;
        if (!*conversion)
            return true;
        const char *word = conversion[1] == 's' ? va_arg(arguments, const char *) : NULL;
        if (!word || !append(text, length, word, strlen(word)))
            return false;
        format = conversion + strlen("%s");
    }
}

char *xvasprintf(const char *format, va_list arguments)
{
    char text[SHORT]; /* vasprintf() allocates twice, or formats twice */
    size_t joined;
    va_list again;
    va_copy(again, arguments);
    bool is_joined = join(text, &joined, format, again);
    va_end(again);
    if (is_joined)
        return memcpy(xmalloc(joined + 1), text, joined + 1);
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
