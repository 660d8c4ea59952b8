/* SPDX-License-Identifier: MIT */
/* Sizes with units, such as 500M, 1.5G or 4GiB. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Parses a number with a unit of K, M, G or T (powers of 1024, with or without iB). One without a
 * unit counts `unit` bytes; 0: the unit is required, as it always is after a decimal point. Returns
 * false if the text is no size, no whole number of bytes, or more than 64 bits can count. */
bool size_parse(const char *text, uint64_t unit, uint64_t *bytes);

/* Parses a size that has a unit of its own, and counts it in `unit`. Returns false also if it is no
 * whole number of them. */
bool size_in_units(const char *text, uint64_t unit, uint64_t *count);
