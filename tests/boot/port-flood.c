/* SPDX-License-Identifier: MIT */
/* port-flood: a hostile root in the guest of run-vm --exec. Copies init's (PID 1) descriptor of the
 * channel's port, which only one process can open, and writes bytes that are no frame until it
 * fails. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS 64

/* Returns a copy of init's descriptor of the port; -1 if init has none. */
static int steal_port(void)
{
    int init = (int)syscall(SYS_pidfd_open, 1, 0);

    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char link[32];
        char target[64] = "";
        (void)snprintf(link, sizeof link, "/proc/1/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) > 0 && strstr(target, "/vport"))
            return (int)syscall(SYS_pidfd_getfd, init, fd, 0);
    }
    return -1;
}

int main(void)
{
    static unsigned char garbage[65536];
    struct pollfd port = {.fd = steal_port(), .events = POLLOUT};

    if (port.fd < 0)
        return 2;
    (void)memset(garbage, 0xa5, sizeof garbage);
    while (write(port.fd, garbage, sizeof garbage) > 0 || errno == EAGAIN)
        (void)poll(&port, 1, 100);
    return 3;
}
