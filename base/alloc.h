/* SPDX-License-Identifier: MIT */
/* Memory that is there, or the program ends: no caller of these checks for NULL. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Called once when memory has run out; must not return. The default writes one line to stderr and
 * aborts; init replaces it with its path for fatal errors. */
extern void (*alloc_out_of_memory)(void);

/* COUNT zeroed elements of SIZE bytes; the caller frees. */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* POINTER (may be NULL) resized to COUNT elements of SIZE bytes; new bytes are not set. */
void *xreallocarray(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));

/* Copies; the caller frees. xstrdup(NULL) is NULL. */
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));

/* A formatted string; the caller frees. */
char *xasprintf(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list arguments)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));
