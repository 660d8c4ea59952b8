/* SPDX-License-Identifier: MIT */
/* The time since some moment in the past, by CLOCK_MONOTONIC. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

int64_t clock_microseconds(void);
int64_t clock_milliseconds(void);

/* Returns the milliseconds left until `time`, by clock_milliseconds(), for poll(2): 0 once it has
 * passed, at most INT_MAX. */
int clock_left(int64_t time);

/* Returns a non-blocking timerfd that becomes readable after so many milliseconds, and with
 * `repeats` again after as many more; -1 with errno set if there is none. The caller closes. */
int clock_timer(int milliseconds, bool repeats);

/* Makes the timer unreadable until its next tick. */
void clock_take_ticks(int timer);
