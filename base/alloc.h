/* SPDX-License-Identifier: MIT */
/* Allocation that cannot fail: the program ends when memory runs out, so callers do not check for
 * NULL. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/* Handler that is called once when memory runs out; must not return. The default writes one line to
 * stderr and aborts; init installs its handler for fatal errors. */
extern void (*alloc_out_of_memory)(void);

/* Returns SIZE bytes, which are not initialized; the caller frees. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Returns COUNT zeroed elements of SIZE bytes; the caller frees. */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Resizes POINTER, which may be NULL, to COUNT elements of SIZE bytes; new bytes are not
 * initialized. */
void *xreallocarray(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));

/* Return copies; the caller frees. xstrdup(NULL) is NULL. */
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length) __attribute__((malloc, returns_nonnull));

/* Return a formatted string; the caller frees. */
char *xasprintf(const char *format, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list arguments)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 0)));
