/* SPDX-License-Identifier: MIT */
/* Tests and copies of texts that read better than the C library's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* True if both texts are the same; neither may be NULL. */
static inline bool streq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Returns the rest of `text` after `prefix`, or NULL if `text` does not begin with it. */
static inline const char *startswith(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* True if `text` ends with `suffix`. */
static inline bool endswith(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t end = strlen(suffix);
    return length >= end && streq(text + length - end, suffix);
}

/* True for the second and later bytes of a UTF-8 character. */
static inline bool text_continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Returns the rest of `text` after its last `separator`; all of `text` if there is none. */
static inline const char *text_after_last(const char *text, char separator)
{
    const char *last = strrchr(text, separator);
    return last ? last + 1 : text;
}

/* Reads a number of decimal digits alone, from 0 to `most`. Returns false if `text` is none;
 * `number` is unchanged then. */
bool text_number(const char *text, uint64_t most, uint64_t *number);

/* Ways to write a byte that would otherwise be syntax. */
enum text_escape {
    TEXT_DOUBLED,   /* twice, as QEMU reads commas */
    TEXT_BACKSLASH, /* after a backslash */
    TEXT_OCTAL,     /* as \072, as in fstab(5); so are all bytes that are not printable ASCII */
};

/* Copies `text` with the bytes of `special` escaped; the caller frees. */
char *text_escape(const char *text, const char *special, enum text_escape how);
