/* SPDX-License-Identifier: MIT */
/* The kernel's device events (uevents), received from its netlink socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* One event; the strings are valid during the call of the handler. NULL: absent. */
struct uevent {
    const char *action; /* "add", "change", "bind" … */
    const char *subsystem;
    const char *modalias;
    const char *devname; /* below /dev */
};

typedef void uevent_handler(const struct uevent *event, void *data);

/* Opens the socket, which queues all later events: call it before reading /sys. Returns a
 * descriptor, or a negative errno with the reason. */
int uevent_open(struct error *e);

/* Calls the handler for each event that has arrived, without waiting. Returns the number of events,
 * or a negative errno; -ENOBUFS if events were lost: read /sys again. */
int uevent_receive(int fd, uevent_handler *handler, void *data);

/* Parses the text of an event, `size` bytes that end with a zero byte. False if it is not an event.
 */
bool uevent_parse(struct uevent *event, const char *text, size_t size);
