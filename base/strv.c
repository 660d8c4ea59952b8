/* SPDX-License-Identifier: MIT */
#include "base/strv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compare.h"
#include "base/text.h"

void strv_take(struct strv *list, char *text)
{
    /* grows when the count is one less than a power of two: log(n) reallocations */
    if ((list->count & (list->count + 1)) == 0)
        list->items = xreallocarray(list->items, 2 * (list->count + 1), sizeof *list->items);
    list->items[list->count++] = text;
    list->items[list->count] = NULL;
}

void strv_push(struct strv *list, const char *text)
{
    strv_take(list, xstrdup(text));
}

void strv_pushf(struct strv *list, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    strv_take(list, xvasprintf(format, arguments));
    va_end(arguments);
}

void strv_extend(struct strv *list, const struct strv *more)
{
    for (size_t i = 0; i < more->count; i++)
        strv_push(list, more->items[i]);
}

void strv_split(struct strv *list, const char *text, char separator)
{
    for (const char *end; (end = strchr(text, separator)); text = end + 1)
        strv_take(list, xstrndup(text, (size_t)(end - text)));
    strv_push(list, text);
}

void strv_sort(struct strv *list)
{
    if (list->count > 0) /* qsort() must not be given NULL */
        qsort(list->items, list->count, sizeof *list->items, compare_texts);
}

bool strv_contains(const struct strv *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (streq(list->items[i], text))
            return true;
    return false;
}

char *strv_join(const struct strv *list, const char *separator)
{
    size_t length = 1;
    for (size_t i = 0; i < list->count; i++)
        length += strlen(list->items[i]) + strlen(separator);
    char *text = xcalloc(length, 1);
    char *end = text;
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            end = stpcpy(end, separator);
        end = stpcpy(end, list->items[i]);
    }
    return text;
}

void strv_free(struct strv *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strv){0};
}
