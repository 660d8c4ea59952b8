/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* Milliseconds on the monotonic clock. */
int64_t clock_milliseconds(void);
