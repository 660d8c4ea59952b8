/* SPDX-License-Identifier: MIT */
#include "host/store/crc32c.h"

#define POLYNOMIAL 0x82f63b78

/* Fills in the effect of each byte: the index of a large store has a megabyte. */
static void make_table(uint32_t table[256])
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[byte] = crc;
    }
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t count)
{
    static uint32_t table[256];
    if (!table[1])
        make_table(table);
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++)
        crc = crc >> 8 ^ table[(crc ^ at[i]) & 0xff];
    return crc;
}
