/* SPDX-License-Identifier: MIT */
/* Parser of the names that users give block devices. Pure: reads no device. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

enum devicespec_key {
    DEVICESPEC_PATH, /* a path below /dev */
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

/* Parses "/dev/…", "LABEL=…", "UUID=…", "PARTLABEL=…", "PARTUUID=…" (the value optionally in single
 * or double quotes) and the paths of udev's symlinks: "/dev/disk/by-label/…", by-uuid,
 * by-partlabel, by-partuuid, by-id (with udev's \xNN escapes). The caller frees `spec`. Returns 0,
 * or -EINVAL with the reason for a text that does not name a block device (a tag, "tmpfs", "none").
 */
int devicespec_parse(const char *text, struct devicespec *spec, struct error *e);

/* True if `text` has one of the forms above: it names a block device, which can be waited for. */
bool devicespec_is_device(const char *text);

void devicespec_free(struct devicespec *spec);
