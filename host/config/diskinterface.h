/* SPDX-License-Identifier: MIT */
/* The values of virtualisation.qemu.diskInterface. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct disk_interface {
    const char *name;
    const char *controller; /* a device added for each drive; NULL: none */
    const char *device;     /* the drive's own device */
    const char *node;       /* the beginning of the guest's name of a drive: /dev/NODEa */
    bool pci;               /* the drive is a PCI device, with a slot on a bus */
    bool ports;             /* a drive needs a port of its own (SATA), of which there are few */
    bool refuses_readonly;  /* the device does not start on a read-only drive */
    const char *modules[5]; /* the guest's drivers, terminated by NULL */
    const char *lacking;    /* processors whose machines do not have it, each between spaces */
};

/* The interface of that name, "virtio", "scsi" or "ide". Static. */
const struct disk_interface *disk_interface_find(const char *name);

/* The guest's name of a drive: "/dev/vdb" for index 1. The caller frees. NULL after the 26th, whose
 * letter is the last. */
char *disk_interface_node(const struct disk_interface *interface, size_t index);
