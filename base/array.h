/* SPDX-License-Identifier: MIT */
/* Arrays that grow by one element at a time. */
#pragma once

#include <stddef.h>

/* Makes room for one more than `count` elements of `size` bytes. The capacity follows from the
 * count (the next power of two) and need not be stored. */
void *array_grown(void *items, size_t count, size_t size);

/* Appends an element to the array `items`, a pointer that is NULL as long as `count` is 0. The
 * element may be a compound literal; it is evaluated before the array grows. An array that is grown
 * by this macro must not be grown in any other way: the capacity would not be what it assumes. */
#define ARRAY_PUSH(items, count, ...)                                                              \
    do {                                                                                           \
        __typeof__(*(items)) pushed_ = __VA_ARGS__;                                                \
        (items) = array_grown((items), (count), sizeof *(items));                                  \
        (items)[(count)++] = pushed_;                                                              \
    } while (0)
