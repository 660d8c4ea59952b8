/* SPDX-License-Identifier: MIT */
/* Block devices: how a user names them, which there are, and which one is meant. No udev: labels
 * and UUIDs are found by probing every block device. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "init/probe.h"

enum device_key {
    DEVICE_PATH, /* a path under /dev, as it is */
    DEVICE_LABEL,
    DEVICE_UUID,
    DEVICE_PARTLABEL,
    DEVICE_PARTUUID,
    DEVICE_SERIAL, /* the disk's serial number (/dev/disk/by-id/virtio-SERIAL) */
};

struct device_spec {
    enum device_key key;
    char *value;        /* owned: path, label, UUID, serial number */
    unsigned partition; /* DEVICE_SERIAL: …-partN; 0: the whole disk */
};

/* struct device_spec s CLEANUP_DEVICE_SPEC = {0}; */
#define CLEANUP_DEVICE_SPEC CLEANUP(device_spec_free)

/* Parses "/dev/…", "LABEL=…", "UUID=…", "PARTLABEL=…", "PARTUUID=…" (the value may stand in single
 * or double quotes) and the paths udev would have made: "/dev/disk/by-label/…", by-uuid,
 * by-partlabel, by-partuuid, by-id (with udev's \xNN escapes). Pure.
 * Returns 0; -EINVAL for anything that does not name a block device (a tag, "tmpfs", "none"). */
int device_spec_parse(const char *text, struct device_spec *spec, struct error *e);

/* True when `text` has one of the forms above: names a block device, and so is worth waiting for.
 */
bool device_spec_is_device(const char *text);

void device_spec_free(struct device_spec *spec);

/* One block device. */
struct device {
    char *name;         /* owned: the kernel's, "vda1" */
    char *path;         /* owned: "/dev/vda1" */
    char *serial;       /* owned, NULL: none; a partition has its disk's */
    unsigned partition; /* number; 0: a whole disk */
    uint64_t size;      /* bytes */
    bool read_only;
    bool probed;        /* `probe` is filled in, or `problem` says why not */
    struct probe probe; /* owned */
    char *problem;      /* owned: why it could not be read; NULL: no problem */
};

/* Where /sys and /dev are; tests give a fake root. NULL members mean the real ones. */
struct device_roots {
    const char *sys;
    const char *dev;
};

/* All block devices seen so far, each probed at most once. Zeroed with its roots set is an empty
 * list. Devices with no medium (size 0), ram disks and unbound loop devices are not in it. */
struct device_list {
    struct device_roots roots;
    struct device **items; /* owned */
    size_t count;
};

/* struct device_list l CLEANUP_DEVICE_LIST = {0}; */
#define CLEANUP_DEVICE_LIST CLEANUP(device_list_free)

/* Looks at /sys/class/block again: new devices come in, vanished ones and those whose size has
 * changed go out; the others keep their probe results. Pointers to devices that stay remain good.
 * Returns 0, or a negative errno when /sys cannot be read. */
int device_list_refresh(struct device_list *list, struct error *e);

/* The device that `spec` means, probing only where the specification calls for it (a path and a
 * serial number need none); NULL when there is none yet: wait for a uevent, refresh, ask again.
 * A path may also be a symlink under /dev. Owned by the list. */
struct device *device_list_find(struct device_list *list, const struct device_spec *spec);

/* Probes `device` unless that has been done. Returns 0 or a negative errno with the reason. */
int device_probe(struct device *device, struct error *e);

/* Forgets what was found on `device`, after it was written to. */
void device_forget(struct device *device);

/* All block devices, a line each, "\n" between them, for the error when one is missing:
 *   /dev/vda  20 GiB  ext4 filesystem, label "root", UUID 0d1e…
 * "no block devices" when there are none. Probes what has not been probed. The caller frees. */
char *device_list_describe(struct device_list *list);

void device_list_free(struct device_list *list);
