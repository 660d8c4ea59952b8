/* SPDX-License-Identifier: MIT */
/* The built-in definitions of filesystems, as nixpkgs' qemu-vm.nix has them. Functions of the
 * tables in schema.c and schematypes.c. */
#pragma once

#include <jansson.h>

#include "host/config/option.h"

/* virtualisation.fileSystems: the root, the store, the shares, /tmp and /boot. */
void fsbuiltin_machine(const struct scope *scope, json_t *definitions);

/* fileSystems, those of the configuration: the machine's take their place. */
void fsbuiltin_system(const struct scope *scope, json_t *definitions);

/* Inside a filesystem: its device and its mount options. */
void fsbuiltin_device(const struct scope *scope, json_t *definitions);
void fsbuiltin_options(const struct scope *scope, json_t *definitions);
