/* SPDX-License-Identifier: MIT */
/* Sizes as users write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "500M" or "4GiB": a number with K, M, G or T behind it for powers of 1024, or of `unit` bytes
 * where nothing is behind it. False: it is none, or more than can be counted. */
bool size_parse(const char *text, uint64_t unit, uint64_t *bytes);
