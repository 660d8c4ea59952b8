/* SPDX-License-Identifier: MIT */
/* What the specification defines by itself: defaults that depend on other options, and built-in
 * drives, shares, file systems, modules and QEMU options. Functions of the table in schema.c. */
#pragma once

#include <jansson.h>

#include "host/config/config.h"
#include "host/config/option.h"
#include "host/config/platform.h"

/* Defaults; new references. */
json_t *builtin_name(const struct scope *scope);
json_t *builtin_platform(const struct scope *scope);
json_t *builtin_disk_image(const struct scope *scope);
json_t *builtin_efi_vars(const struct scope *scope);
json_t *builtin_efi_firmware(const struct scope *scope);
json_t *builtin_efi_variables(const struct scope *scope);
json_t *builtin_consoles(const struct scope *scope);

/* Definitions. QEMU's options are {"builtin": NAME}: the plan puts the words in their place. */
void builtin_additional_paths(const struct scope *scope, json_t *definitions);
void builtin_shares(const struct scope *scope, json_t *definitions);
void builtin_networking(const struct scope *scope, json_t *definitions);
void builtin_qemu_options(const struct scope *scope, json_t *definitions);
void builtin_drives(const struct scope *scope, json_t *definitions);
void builtin_boot_device(const struct scope *scope, json_t *definitions);
void builtin_file_systems(const struct scope *scope, json_t *definitions);
void builtin_kernel_modules(const struct scope *scope, json_t *definitions);
void builtin_available_modules(const struct scope *scope, json_t *definitions);

/* Definitions inside a file system. */
void builtin_fs_mount_point(const struct scope *scope, json_t *definitions);
void builtin_fs_device(const struct scope *scope, json_t *definitions);
void builtin_fs_options(const struct scope *scope, json_t *definitions);

/* /dev/vdb for the second drive (index 1); the caller frees. NULL past the 26th. */
char *builtin_drive_device(const struct config *config, size_t index);

/* "9p" or "virtiofs": the transport of the share with that tag. */
const char *builtin_transport(const struct config *config, const char *tag);

/* Returns the name in nixpkgs.hostPlatform, "x86_64-linux"; builtin_guest() returns the guest of
 * that name. */
const char *builtin_platform_name(const struct config *config);
const struct guest *builtin_guest(const struct config *config);
