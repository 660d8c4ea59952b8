/* SPDX-License-Identifier: MIT */
#include "host/prepare/waitlock.h"

#include <errno.h>
#include <poll.h>
#include <sys/file.h>

#include "host/system/signals.h"

/* The time to wait for a lock, and the interval between attempts, in milliseconds. A QEMU whose
 * run-vm was killed releases its locks only after its memory, and systemd-tmpfiles locks each
 * directory while it scans it. */
#define LOCK_TIME     1000
#define LOCK_INTERVAL 20

int waitlock_take(int fd, int operation)
{
    struct pollfd signals = {signals_fd(), POLLIN, 0};
    int left = LOCK_TIME;
    while (flock(fd, operation | LOCK_NB) < 0) {
        int number = errno;
        if (number != EWOULDBLOCK || left <= 0 || poll(&signals, 1, LOCK_INTERVAL) > 0)
            return -number;
        left -= LOCK_INTERVAL;
    }
    return 0;
}
