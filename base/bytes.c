/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"

#include <stdint.h>
#include <string.h>

bool bytes_are_zero(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    uint64_t word;
    for (; length >= sizeof word; byte += sizeof word, length -= sizeof word) {
        memcpy(&word, byte, sizeof word);
        if (word)
            return false;
    }
    while (length > 0 && !byte[length - 1])
        length--;
    return length == 0;
}
