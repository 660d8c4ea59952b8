/* SPDX-License-Identifier: MIT */
#include "init/exec/execport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "common/frame.h"
#include "init/devices/uevent.h"

#define PORTS "/sys/class/virtio-ports"

/* Limit of the wait for the host to receive a fatal error, in milliseconds. */
#define PATIENCE 3000

static bool has_name(const char *port, const char *wanted)
{
    char *path CLEANUP_FREE = xasprintf(PORTS "/%s/name", port);
    char *name CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, NULL);
    if (!name)
        return false;
    name[strcspn(name, "\n")] = '\0';
    return streq(name, wanted);
}

char *execport_find(const char *name)
{
    DIR *directory = opendir(PORTS);
    if (!directory)
        return NULL;
    char *path = NULL;
    for (const struct dirent *entry = readdir(directory); entry && !path;
         entry = readdir(directory))
        if (entry->d_name[0] != '.' && has_name(entry->d_name, name))
            path = xasprintf("/dev/%s", entry->d_name);
    (void)closedir(directory);
    return path;
}

static void ignore(const struct uevent *event, void *data)
{
    (void)event;
    (void)data;
}

/* Waits for events too after the port appears: the kernel learns its name later. */
static char *wait_for_port(uint64_t timeout, struct error *e)
{
    int events CLEANUP_CLOSE = uevent_open(e);
    if (events < 0)
        return NULL;
    int64_t deadline = clock_milliseconds() + (int64_t)timeout * 1000;
    for (;;) {
        char *path = execport_find(FRAME_PORT);
        int64_t left = deadline - clock_milliseconds();
        if (path)
            return path;
        if (left <= 0)
            break;
        struct pollfd polled = {.fd = events, .events = POLLIN};
        (void)poll(&polled, 1, (int)left);
        (void)uevent_receive(events, ignore, NULL);
    }
    (void)error_set(e, -ENODEV,
                    "vm.exec: the machine has no port named %s; run-vm --exec makes one, and the "
                    "initrd must have the kernel's modules virtio_pci and virtio_console",
                    FRAME_PORT);
    return NULL;
}

int execport_open(uint64_t timeout, struct error *e)
{
    char *path CLEANUP_FREE = wait_for_port(timeout, e);
    if (!path)
        return -ENODEV;
    int fd CLEANUP_CLOSE = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return error_errno(e, errno, "the port %s cannot be opened (%s)", FRAME_PORT, path);
    /* the port reports a hangup until the host opens its end; a blocking write waits for that */
    unsigned char header[FRAME_HEADER];
    frame_header(header, FRAME_READY, 0);
    if (write(fd, header, sizeof header) != sizeof header ||
        fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return error_errno(e, errno, "the host cannot be reached through the port %s", FRAME_PORT);
    int opened = fd;
    fd = -1;
    return opened;
}

/* Waits for `events`; false after the deadline. */
static bool wait_until(int fd, short events, int64_t deadline)
{
    struct pollfd polled = {.fd = fd, .events = events};
    int64_t left = deadline - clock_milliseconds();
    return left > 0 && poll(&polled, 1, (int)left) > 0;
}

void execport_report(const char *reason)
{
    char *path CLEANUP_FREE = execport_find(FRAME_PORT);
    int fd CLEANUP_CLOSE = path ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    size_t length = strnlen(reason, 4096);
    unsigned char frame[FRAME_HEADER + 4096];
    frame_header(frame, FRAME_FAILED, length);
    (void)memcpy(frame + FRAME_HEADER, reason, length);
    int64_t deadline = clock_milliseconds() + PATIENCE;
    if (wait_until(fd, POLLOUT, deadline) &&
        write(fd, frame, FRAME_HEADER + length) == (ssize_t)(FRAME_HEADER + length))
        (void)wait_until(fd, 0, deadline); /* the host hangs up when it has received the reason */
}
