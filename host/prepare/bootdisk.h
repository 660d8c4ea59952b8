/* SPDX-License-Identifier: MIT */
/* The boot disk that nixpkgs' qemu-vm.nix describes, built without Nix: partitions, /boot, and the
 * boot loader that the system itself installs, in a throwaway machine. */
#pragma once

#include "base/error.h"
#include "host/cache/cache.h"
#include "host/plan/plan.h"

/* The names in its cache entry: a qcow2 image, and with EFI the firmware's variables, which name
 * the boot loader. */
#define BOOTDISK_IMAGE     "disk.img"
#define BOOTDISK_VARIABLES "efi-vars.fd"

/* The name of the disk, raw, in the directory where it is built. */
#define BOOTDISK_RAW "disk.raw"

/* Installs the system's boot loader on BOOTDISK_RAW in the directory `work` and, if the machine has
 * EFI, leaves the firmware's variables there as BOOTDISK_VARIABLES. Returns 0, or a negative errno
 * with the reason. An installer prepares and runs a machine, so it belongs above this directory and
 * is passed in. */
typedef int bootdisk_installer(const struct boot_disk_spec *spec, const char *work,
                               struct error *e);

/* Finds the boot disk in the cache or builds it: with `install`, and with qemu-img, whose path is
 * `qemu_img` (NULL: the one on PATH). See cache_get() for `fallback`. Returns 0, or a negative
 * errno with the reason. */
int bootdisk_get(struct cache_entry *entry, const struct boot_disk_spec *spec, const char *qemu_img,
                 bootdisk_installer *install, const char *fallback, struct error *e);
