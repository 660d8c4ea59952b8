/* SPDX-License-Identifier: MIT */
/* The drive with the boot disk: how the guest's system names it and its /boot. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "host/config/option.h"

/* Defaults of options. */
json_t *bootdrive_default_device(const struct scope *scope);
json_t *bootdrive_default_install(const struct scope *scope);

/* The serial number with which the guest finds the drive by bootLoaderDevice. NULL: it needs none.
 */
const char *bootdrive_serial(const struct config *config);

/* The label of /boot: that of bootPartition, or else the one of nixpkgs' qemu-vm.nix of 22.11. */
const char *bootdrive_label(const struct config *config);

/* True if a boot disk is made with a boot loader on it. */
bool bootdrive_has_loader(const struct config *config);
