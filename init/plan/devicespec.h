/* SPDX-License-Identifier: MIT */
/* How a user names a block device. Pure: nothing is looked at. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

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
