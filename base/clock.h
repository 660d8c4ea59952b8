/* SPDX-License-Identifier: MIT */
/* The time since some moment in the past, by CLOCK_MONOTONIC. */
#pragma once

#include <stdint.h>

int64_t clock_microseconds(void);
int64_t clock_milliseconds(void);
