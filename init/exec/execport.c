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

/* Most bytes of a text that are sent: a port takes at least that many at once. */
#define TEXT_MAX 4096

/* Limit of the wait for the host to receive a fatal error, in milliseconds. */
#define PATIENCE 3000

/* The descriptor that execport_freeze() has opened: a port is open at most once. -1: none. */
static int frozen = -1;

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
        int left = clock_left(deadline);
        if (path)
            return path;
        if (left == 0)
            break;
        struct pollfd polled = {.fd = events, .events = POLLIN};
        (void)poll(&polled, 1, left);
        (void)uevent_receive(events, ignore, NULL);
    }
    (void)error_set(e, -ENODEV,
                    "vm.exec: the machine has no port named %s; run-vm --exec makes one, and the "
                    "initrd must have the kernel's modules virtio_pci and virtio_console",
                    FRAME_PORT);
    return NULL;
}

static int unreachable(struct error *e)
{
    return error_errno(e, errno, "the host cannot be reached through the port %s", FRAME_PORT);
}

/* Opens the port. Blocking: it reports a hangup until the host opens its end, and a write waits for
 * that. */
static int open_port(uint64_t timeout, struct error *e)
{
    char *path CLEANUP_FREE = wait_for_port(timeout, e);
    if (!path)
        return -ENODEV;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? error_errno(e, errno, "the port %s cannot be opened (%s)", FRAME_PORT, path)
                  : fd;
}

/* Writes a frame with the beginning of a text; NULL: without a payload. */
static bool write_frame(int fd, enum frame_type type, const char *text)
{
    unsigned char frame[FRAME_HEADER + TEXT_MAX];
    size_t length = text ? strnlen(text, TEXT_MAX) : 0;
    frame_header(frame, type, length);
    if (text)
        (void)memcpy(frame + FRAME_HEADER, text, length);
    return write(fd, frame, FRAME_HEADER + length) == (ssize_t)(FRAME_HEADER + length);
}

/* Reads FRAME_THAW, and nothing behind it: that is for the reader of the run's frames. */
static int read_thaw(int fd, struct frame_thaw *thaw, struct error *e)
{
    static const size_t whole = FRAME_HEADER + FRAME_THAW_LENGTH;
    struct frame_reader reader CLEANUP_FRAME_READER = {0};
    struct frame frame = {0};
    int r = 0;
    while (r == 0 && reader.used < whole) {
        size_t missing = whole - reader.used;
        size_t room = missing;
        unsigned char *bytes = frame_reader_room(&reader, &room);
        ssize_t got = read(fd, bytes, missing);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? unreachable(e)
                           : error_set(e, -EPIPE, "%s: the host has hung up", FRAME_PORT);
        frame_reader_fill(&reader, (size_t)got);
        r = frame_reader_next(&reader, &frame, e);
    }
    if (r >= 0 && frame_get_thaw(&frame, thaw) < 0)
        r = error_set(e, -EPROTO, "%s: the host begins the run with another frame (type %d)",
                      FRAME_PORT, (int)frame.type);
    return r < 0 ? r : 0;
}

int execport_freeze(uint64_t timeout, const char *obstacle, struct frame_thaw *thaw,
                    struct error *e)
{
    frozen = open_port(timeout, e);
    if (frozen < 0)
        return frozen;
    return write_frame(frozen, FRAME_FROZEN, obstacle) ? read_thaw(frozen, thaw, e)
                                                       : unreachable(e);
}

int execport_thawed(struct error *e)
{
    return write_frame(frozen, FRAME_THAWED, NULL) ? 0 : unreachable(e);
}

int execport_open(uint64_t timeout, struct error *e)
{
    int fd CLEANUP_CLOSE = frozen >= 0 ? frozen : open_port(timeout, e);
    if (fd < 0)
        return fd;
    frozen = -1;
    if (!write_frame(fd, FRAME_READY, NULL) || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return unreachable(e);
    return TAKE_FD(fd);
}

/* Waits for `events`, or until the host hangs up. Returns the events, 0 after the deadline. */
static short wait_until(int fd, short events, int64_t deadline)
{
    struct pollfd polled = {.fd = fd, .events = events};
    (void)poll(&polled, 1, clock_left(deadline));
    return polled.revents;
}

void execport_report(const char *reason)
{
    char *path CLEANUP_FREE = execport_find(FRAME_PORT);
    int fd CLEANUP_CLOSE = frozen >= 0 ? frozen
                           : path      ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
                                       : -1;
    frozen = -1;
    /* once the host has hung up, a blocking write would never return */
    if (fd < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return;
    int64_t deadline = clock_milliseconds() + PATIENCE;
    if (wait_until(fd, POLLOUT, deadline) & POLLOUT && write_frame(fd, FRAME_FAILED, reason))
        (void)wait_until(fd, 0, deadline); /* the host hangs up when it has received the reason */
}
