/* SPDX-License-Identifier: MIT */
/* The list of block devices, and a search in it. Without udev: labels and UUIDs are found by
 * probing every block device. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "init/devices/probe.h"
#include "init/plan/devicespec.h"

/* One block device. */
struct device {
    char *name;          /* owned: the kernel's, "vda1" */
    char *path;          /* owned: "/dev/vda1" */
    char *disk_name;     /* owned: of a partition the disk's name, "vda"; else NULL */
    struct device *disk; /* the disk of that name, if it is in the list */
    unsigned partition;  /* number; 0: a whole disk */
    uint64_t size;       /* bytes */
    bool searched;       /* false: found only by its path (RAM disk, floppy) */
    bool probed;         /* `probe` or `problem` is set */
    struct probe probe;  /* owned */
    char *problem;       /* owned: why it cannot be read; NULL: it can */
};

/* Replacements for /sys and /dev in tests. NULL means the real ones. */
struct device_roots {
    const char *sys;
    const char *dev;
};

/* The block devices that have a size (a drive without a medium has none), in the kernel's order:
 * vda, vda1, vdb. Each is probed at most once. Zeroed except for `roots`, it is an empty list. */
struct device_list {
    struct device_roots roots;
    struct device **items; /* owned */
    size_t count;
};

/* struct device_list l CLEANUP_DEVICE_LIST = {0}; */
#define CLEANUP_DEVICE_LIST CLEANUP(device_list_free)

/* Reads /sys/class/block: adds new devices and removes vanished ones. The others are not read again
 * and keep their probe results; pointers to them remain valid.
 * Returns 0, or a negative errno with the reason if /sys cannot be read. */
int device_list_refresh(struct device_list *list, struct error *e);

/* Returns the first device that matches `spec`, owned by the list. Probes devices only for a label
 * or UUID, and only up to the first match. A path may be a symlink; UUIDs are compared without
 * regard to case. NULL if there is none (yet): wait for a uevent, refresh the list, and call again.
 */
struct device *device_list_find(struct device_list *list, const struct devicespec *spec);

/* Probes `device` unless it has been probed. Returns 0 or a negative errno with the reason. */
int device_probe(struct device *device, struct error *e);

/* Discards the probe result of `device`, after it was written or has changed. */
void device_forget(struct device *device);

/* Describes all block devices, one a line with "\n" between them, for the error about a missing
 * one: /dev/vda  20 GiB  ext4 filesystem, label "root", UUID 0d1e… "no block devices" if there are
 * none. Probes all devices. The caller frees. */
char *device_list_describe(struct device_list *list);

void device_list_free(struct device_list *list);
