/* SPDX-License-Identifier: MIT */
/* The built-in part of a configuration, as nixpkgs' qemu-vm.nix has it: defaults that depend on
 * other options, and definitions of drives, shares, filesystems, modules and QEMU options.
 * Functions of the table in schema.c. */
#pragma once

#include <jansson.h>

#include "host/config/config.h"
#include "host/config/option.h"

/* Defaults; each returns a new reference. */
json_t *builtin_name(const struct scope *scope);
json_t *builtin_platform(const struct scope *scope);
json_t *builtin_disk_image(const struct scope *scope);
json_t *builtin_efi_vars(const struct scope *scope);
json_t *builtin_efi_firmware(const struct scope *scope);
json_t *builtin_efi_variables(const struct scope *scope);
json_t *builtin_consoles(const struct scope *scope);

/* Definitions. Those of QEMU's options are names (qemuentry.h), which the plan replaces by the
 * arguments. */
void builtin_additional_paths(const struct scope *scope, json_t *definitions);
void builtin_shares(const struct scope *scope, json_t *definitions);
void builtin_networking(const struct scope *scope, json_t *definitions);
void builtin_qemu_options(const struct scope *scope, json_t *definitions);
void builtin_drives(const struct scope *scope, json_t *definitions);
void builtin_boot_device(const struct scope *scope, json_t *definitions);
void builtin_filesystems(const struct scope *scope, json_t *definitions);
void builtin_kernel_modules(const struct scope *scope, json_t *definitions);
void builtin_available_modules(const struct scope *scope, json_t *definitions);

/* Definitions inside a filesystem. */
void builtin_fs_mount_point(const struct scope *scope, json_t *definitions);
void builtin_fs_device(const struct scope *scope, json_t *definitions);
void builtin_fs_options(const struct scope *scope, json_t *definitions);
