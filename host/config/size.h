/* SPDX-License-Identifier: MIT */
/* Sizes with units, such as 500M or 4GiB. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Parses a number with a unit of K, M, G or T (powers of 1024, with or without iB); without a unit
 * it counts `unit` bytes. Returns false if the text is no size, or one that overflows 64 bits. */
bool size_parse(const char *text, uint64_t unit, uint64_t *bytes);
