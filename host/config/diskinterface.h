/* SPDX-License-Identifier: MIT */
/* What virtualisation.qemu.diskInterface stands for. */
#pragma once

#include <stdbool.h>

struct disk_interface {
    const char *name;
    const char *controller; /* a device added for each drive; NULL: none */
    const char *device;     /* the drive's own */
    bool pci;               /* the drive is a PCI device, with a place on a bus */
    bool ports;             /* a drive needs a port of its own (SATA), of which there are few */
    bool refuses_readonly;  /* the device does not start on a drive that cannot be written */
    const char *modules[5]; /* the guest's drivers, ended by NULL */
};

/* The interface of that name. Static. */
const struct disk_interface *disk_interface_find(const char *name);
