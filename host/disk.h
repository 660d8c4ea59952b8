/* SPDX-License-Identifier: MIT */
/* What virtualisation.qemu.diskInterface stands for. */
#pragma once

struct disk_interface {
    const char *name;
    const char *controller; /* a device added for each drive; NULL: none */
    const char *device;     /* the drive's own */
    const char *modules[5]; /* the guest's drivers, ended by NULL */
};

/* The interface of that name. Static. */
const struct disk_interface *disk_interface_find(const char *name);
