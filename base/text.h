/* SPDX-License-Identifier: MIT */
/* Questions about texts, and copies of them, that C's library answers less readably. */
#pragma once

#include <stdbool.h>
#include <string.h>

/* True if both texts are the same; neither may be NULL. */
static inline bool streq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* What follows `prefix` in `text`, or NULL if `text` does not begin with it. */
static inline const char *startswith(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);

    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* What follows the last `separator` in `text`; all of `text` if there is none. */
static inline const char *text_after_last(const char *text, char separator)
{
    const char *last = strrchr(text, separator);
    return last ? last + 1 : text;
}

/* How a byte is written that has a meaning of its own to a reader of the text. */
enum text_escape {
    TEXT_DOUBLED,   /* twice, as QEMU reads commas */
    TEXT_BACKSLASH, /* after a backslash */
    TEXT_OCTAL,     /* as \072, as in fstab(5); so are all bytes that are not printable ASCII */
};

/* Copies `text` with the bytes of `special` escaped; the caller frees. */
char *text_escape(const char *text, const char *special, enum text_escape how);
