/* SPDX-License-Identifier: MIT */
/* The time since some moment in the past, by CLOCK_MONOTONIC. */
#pragma once

#include <stdint.h>

int64_t clock_microseconds(void);
int64_t clock_milliseconds(void);

/* Returns the milliseconds left until `time`, by clock_milliseconds(), for poll(2): 0 once it has
 * passed, at most INT_MAX. */
int clock_left(int64_t time);
