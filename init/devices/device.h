/* SPDX-License-Identifier: MIT */
/* Block devices: which there are, and which one is meant. No udev: labels and UUIDs are found by
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
    char *disk_name;     /* owned: for a partition the disk it is on, "vda"; else NULL */
    struct device *disk; /* that disk, if it is in the list */
    unsigned partition;  /* number; 0: a whole disk */
    uint64_t size;       /* bytes */
    bool searched;       /* false: meant only when named by path (RAM disk, floppy) */
    bool probed;         /* `probe` is filled in, or `problem` says why not */
    struct probe probe;  /* owned */
    char *problem;       /* owned: why it could not be read; NULL: no problem */
};

/* Where /sys and /dev are; tests give a fake root. NULL means the real ones. */
struct device_roots {
    const char *sys;
    const char *dev;
};

/* All block devices seen so far that have a size (a drive without a medium has none), each probed
 * at most once. Zeroed with its roots set is an empty list. In the kernel's order: vda, vda1, vdb.
 */
struct device_list {
    struct device_roots roots;
    struct device **items; /* owned */
    size_t count;
};

/* struct device_list l CLEANUP_DEVICE_LIST = {0}; */
#define CLEANUP_DEVICE_LIST CLEANUP(device_list_free)

/* Looks at /sys/class/block again: new devices come in, vanished ones go out; the others are not
 * looked at and keep their probe results. Pointers to devices that stay remain good.
 * Returns 0, or a negative errno when /sys cannot be read. */
int device_list_refresh(struct device_list *list, struct error *e);

/* The device that `spec` means, probing only where the specification calls for it (a path and a
 * serial number need none) and only until it is found: of two with one label it is the first.
 * NULL when there is none yet: wait for a uevent, refresh, ask again. A path may be a symlink.
 * UUIDs are compared without regard to case. Owned by the list. */
struct device *device_list_find(struct device_list *list, const struct devicespec *spec);

/* Probes `device` unless that has been done. Returns 0 or a negative errno with the reason. */
int device_probe(struct device *device, struct error *e);

/* Forgets what was found on `device`, after it was written to or has changed. */
void device_forget(struct device *device);

/* All block devices, a line each, "\n" between them, for the error when one is missing:
 *   /dev/vda  20 GiB  ext4 filesystem, label "root", UUID 0d1e…
 * "no block devices" when there are none. Probes what has not been probed. The caller frees. */
char *device_list_describe(struct device_list *list);

void device_list_free(struct device_list *list);
