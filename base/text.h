/* SPDX-License-Identifier: MIT */
/* Questions about texts that C's library answers less readably. */
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
