/* SPDX-License-Identifier: MIT */
/* The CRC-32 of Castagnoli's polynomial, by which erofs and the pack's index find damage. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Returns the checksum register after `count` bytes; it is UINT32_MAX before the first one. The
 * register is not inverted at the end, as erofs has it. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t count);
