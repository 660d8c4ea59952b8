/* SPDX-License-Identifier: MIT */
#include "base/array.h"

#include "base/alloc.h"

void *array_grown(void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items;
    return xreallocarray(items, count ? 2 * count : 1, size);
}
