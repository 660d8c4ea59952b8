/* SPDX-License-Identifier: MIT */
/* A growing list of strings, always ended by NULL, so that `list.items` can serve as an argv. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct strv {
    char **items; /* owned, with every string in it; NULL while the list is empty */
    size_t count;
};

/* struct strv list CLEANUP_STRV = {0}; */
#define CLEANUP_STRV CLEANUP(strv_free)

/* Append a copy; the string itself, which the list then owns; a formatted string. */
void strv_push(struct strv *list, const char *text);
void strv_take(struct strv *list, char *text);
void strv_pushf(struct strv *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends copies of all of `more`. */
void strv_extend(struct strv *list, const struct strv *more);

/* Appends the parts of `text` between the `separator` bytes, empty ones included. */
void strv_split(struct strv *list, const char *text, char separator);

/* Sorts the strings by their bytes. */
void strv_sort(struct strv *list);

bool strv_contains(const struct strv *list, const char *text);

/* Returns the strings with `separator` between them, "" for an empty list; the caller frees. */
char *strv_join(const struct strv *list, const char *separator);

void strv_free(struct strv *list);
