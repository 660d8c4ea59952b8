/* SPDX-License-Identifier: MIT */
/* Orders for qsort(3) and bsearch(3). */
#pragma once

#include <stdint.h>
#include <string.h>

/* Elements are texts (char *), compared byte by byte. */
static inline int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static inline int compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static inline int compare_i64(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}
