/* SPDX-License-Identifier: MIT */
/* Loads the modules of the machine's devices, by their modalias, now and as devices appear, and
 * notes new block devices. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "init/devices/modules.h"

struct hotplug {
    int fd; /* of the kernel's events */
    struct modules *modules;
    bool block; /* a block device appeared, vanished or changed since this was set to false */
};

/* Opens the kernel's socket for device events, then loads the modules of all present devices, and
 * of those that appear meanwhile. Returns 0 or a negative errno with the reason. */
int hotplug_start(struct hotplug *hotplug, struct modules *modules, struct error *e);

/* Handles all events that have arrived, until there are no more. Does not wait. */
void hotplug_settle(struct hotplug *hotplug);

/* Waits for an event until `deadline` (clock_milliseconds()), and handles all that have arrived.
 * Returns false after the deadline. */
bool hotplug_wait(struct hotplug *hotplug, int64_t deadline);

/* Closes the socket. */
void hotplug_stop(struct hotplug *hotplug);
