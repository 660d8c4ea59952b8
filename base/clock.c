/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <limits.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int64_t clock_microseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_milliseconds(void)
{
    return clock_microseconds() / 1000;
}

int clock_left(int64_t time)
{
    int64_t left = time - clock_milliseconds();
    return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

int clock_timer(int milliseconds, bool repeats)
{
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    const struct itimerspec timer = {.it_value = time,
                                     .it_interval = repeats ? time : (struct timespec){0}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd >= 0)
        (void)timerfd_settime(fd, 0, &timer, NULL);
    return fd;
}

void clock_take_ticks(int timer)
{
    uint64_t ticks;
    (void)!read(timer, &ticks, sizeof ticks);
}
