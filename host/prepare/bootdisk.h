/* SPDX-License-Identifier: MIT */
/* The boot disk that the specification describes, made without Nix: partitions, /boot, and the
 * boot loader that the system itself installs, in a throwaway machine. */
#pragma once

#include "base/error.h"
#include "host/cache/cache.h"
#include "host/plan/plan.h"

/* The names in its cache entry: a qcow2 image, and with EFI the firmware's variables, which name
 * the boot loader. */
#define BOOTDISK_IMAGE     "disk.img"
#define BOOTDISK_VARIABLES "efi-vars.fd"

/* Finds it in the cache or makes it, with qemu-img under the name `qemu_img` (see cache_get() for
 * `fallback`). 0, or a negative errno with the reason. */
int bootdisk_get(struct cache_entry *entry, const struct boot_disk_spec *spec, const char *qemu_img,
                 const char *fallback, struct error *e);
