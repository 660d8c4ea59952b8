/* SPDX-License-Identifier: MIT */
#include "base/bytes.h"

#include <stdint.h>
#include <string.h>

bool bytes_are_zero(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    /* a vector is compared where it is, an array is copied first */
    uint64_t words __attribute__((vector_size(32)));
    for (; length >= sizeof words; byte += sizeof words, length -= sizeof words) {
        memcpy(&words, byte, sizeof words);
        if (words[0] | words[1] | words[2] | words[3])
            return false;
    }
    while (length > 0 && !byte[length - 1])
        length--;
    return length == 0;
}
