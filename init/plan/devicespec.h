/* SPDX-License-Identifier: MIT */
/* How a user names a block device. Pure: nothing is looked at. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

enum devicespec_key {
    DEVICESPEC_PATH, /* a path under /dev, as it is */
    DEVICESPEC_LABEL,
    DEVICESPEC_UUID,
    DEVICESPEC_PARTLABEL,
    DEVICESPEC_PARTUUID,
    DEVICESPEC_SERIAL, /* the disk's serial number (/dev/disk/by-id/virtio-SERIAL) */
};

struct devicespec {
    enum devicespec_key key;
    char *value;        /* owned: path, label, UUID, serial number */
    unsigned partition; /* DEVICESPEC_SERIAL: …-partN; 0: the whole disk */
};

/* struct devicespec s CLEANUP_DEVICESPEC = {0}; */
#define CLEANUP_DEVICESPEC CLEANUP(devicespec_free)

/* Parses "/dev/…", "LABEL=…", "UUID=…", "PARTLABEL=…", "PARTUUID=…" (the value may stand in single
 * or double quotes) and the paths udev would have made: "/dev/disk/by-label/…", by-uuid,
 * by-partlabel, by-partuuid, by-id (with udev's \xNN escapes). Pure.
 * Returns 0; -EINVAL for anything that does not name a block device (a tag, "tmpfs", "none"). */
int devicespec_parse(const char *text, struct devicespec *spec, struct error *e);

/* True when `text` has one of the forms above: names a block device, and so is worth waiting for.
 */
bool devicespec_is_device(const char *text);

void devicespec_free(struct devicespec *spec);
