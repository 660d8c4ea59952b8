/* SPDX-License-Identifier: MIT */
/* What the kernel's devices call for, now and as they appear: modules by modalias, and word of new
 * block devices. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "init/devices/modules.h"

struct hotplug {
    int fd; /* of the kernel's events */
    struct modules *modules;
    bool block; /* a block device has come, gone or changed since this was last set to false */
};

/* Listens to the kernel and loads modules for all devices that are there, and for those that
 * appear in the course of that. Returns 0 or a negative errno. */
int hotplug_start(struct hotplug *hotplug, struct modules *modules, struct error *e);

/* Loads modules for devices that have appeared since, until nothing is new. */
void hotplug_settle(struct hotplug *hotplug);

/* The same, after waiting until something appears or `deadline` (clock_milliseconds())
 * has passed; false when it has. */
bool hotplug_wait(struct hotplug *hotplug, int64_t deadline);

void hotplug_stop(struct hotplug *hotplug);
