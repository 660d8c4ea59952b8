/* SPDX-License-Identifier: MIT */
#include "init/devices/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

/* The multicast group of the kernel's events; udev repeats them to another one. */
#define GROUP_KERNEL 1

/* Holds the events of thousands of devices while modules are loaded. */
#define RECEIVE_BUFFER (4 * 1024 * 1024)

/* UEVENT_BUFFER_SIZE of the kernel, and the header line. */
#define MESSAGE_SIZE (2048 + 1024)

static int listen_to_kernel(int fd, struct error *e)
{
    const int size = RECEIVE_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int r = error_errno(e, errno, "the kernel's device events cannot be received");
    (void)close(fd);
    return r;
}

int uevent_open(struct error *e)
{
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    return fd < 0 ? error_errno(e, errno, "the kernel's socket for device events cannot be opened")
                  : listen_to_kernel(fd, e);
}

bool uevent_parse(struct uevent *event, const char *text, size_t size)
{
    const struct {
        const char *key;
        const char **value;
    } fields[] = {
        {"ACTION=", &event->action},
        {"SUBSYSTEM=", &event->subsystem},
        {"MODALIAS=", &event->modalias},
        {"DEVNAME=", &event->devname},
    };
    *event = (struct uevent){0};
    if (size == 0 || text[size - 1] != '\0')
        return false;
    for (const char *end = text + size; text < end; text += strlen(text) + 1)
        for (size_t i = 0; i < ELEMENTS(fields); i++) {
            const char *value = startswith(text, fields[i].key);
            if (value)
                *fields[i].value = value;
        }
    return event->action != NULL;
}

int uevent_receive(int fd, uevent_handler *handler, void *data)
{
    for (int count = 0;;) {
        char text[MESSAGE_SIZE + 1];
        struct sockaddr_nl sender = {0};
        socklen_t length = sizeof sender;
        ssize_t n = recvfrom(fd, text, MESSAGE_SIZE, 0, (struct sockaddr *)&sender, &length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? count : -errno;
        struct uevent event;
        /* only the kernel has port 0: any process can send to the group */
        if (sender.nl_pid != 0 || !uevent_parse(&event, text, (size_t)n))
            continue;
        count++;
        handler(&event, data);
    }
}
