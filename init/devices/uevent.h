/* SPDX-License-Identifier: MIT */
/* The kernel's announcements of devices, by its netlink socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* One announcement; the strings are valid during the call that receives it. NULL: not said. */
struct uevent {
    const char *action; /* "add", "change", "bind" … */
    const char *subsystem;
    const char *modalias;
    const char *devname; /* below /dev */
};

typedef void uevent_handler(const struct uevent *event, void *data);

/* Opens the socket: from now on nothing is missed. Open it before looking at /sys. Returns a
 * descriptor or a negative errno. */
int uevent_open(struct error *e);

/* Hands over everything that has arrived, without waiting. Returns the number of announcements;
 * -ENOBUFS when some were lost: look at /sys again. */
int uevent_receive(int fd, uevent_handler *handler, void *data);

/* Takes the text of an announcement of `size` bytes apart, which must end with a zero byte as the
 * kernel's do. False for anything that is none. */
bool uevent_parse(struct uevent *event, const char *text, size_t size);
