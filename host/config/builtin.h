/* SPDX-License-Identifier: MIT */
/* The built-in part of a configuration, as nixpkgs' qemu-vm.nix has it: defaults that depend on
 * other options, and definitions of drives, shares, modules and QEMU options. Those of filesystems
 * are in fsbuiltin.h. Functions of the table in schema.c. */
#pragma once

#include <jansson.h>

#include "host/config/config.h"
#include "host/config/option.h"

/* Defaults; each returns a new reference. */
json_t *builtin_host_name(const struct scope *scope);
json_t *builtin_name(const struct scope *scope);
json_t *builtin_platform(const struct scope *scope);
json_t *builtin_disk_image(const struct scope *scope);
json_t *builtin_efi_vars(const struct scope *scope);
json_t *builtin_boot_partition(const struct scope *scope);
json_t *builtin_tpm_model(const struct scope *scope);
json_t *builtin_tpm_state(const struct scope *scope);
json_t *builtin_direct_boot(const struct scope *scope);
json_t *builtin_transport(const struct scope *scope);
json_t *builtin_store_image(const struct scope *scope);
json_t *builtin_mount_host_store(const struct scope *scope);
json_t *builtin_writable_store(const struct scope *scope);
json_t *builtin_consoles(const struct scope *scope);

/* Definitions. Those of QEMU's options are names (qemuentry.h), which the plan replaces by the
 * arguments. */
void builtin_additional_paths(const struct scope *scope, json_t *definitions);
void builtin_shares(const struct scope *scope, json_t *definitions);
void builtin_networking(const struct scope *scope, json_t *definitions);
void builtin_qemu_options(const struct scope *scope, json_t *definitions);
void builtin_drives(const struct scope *scope, json_t *definitions);
void builtin_root_device(const struct scope *scope, json_t *definitions);
void builtin_kernel_modules(const struct scope *scope, json_t *definitions);
void builtin_available_modules(const struct scope *scope, json_t *definitions);

/* The name of an entry in an attribute set. */
void builtin_entry_name(const struct scope *scope, json_t *definitions);

/* Appends a definition, which json_pack() makes of `format`; and one with the priority of
 * mkDefault, which takes `value`. */
void builtin_add(json_t *definitions, const char *format, ...);
void builtin_add_weak(json_t *definitions, json_t *value);

/* The guest's device name of the drive with that name; the caller frees. NULL after a problem:
 * there is not exactly one. */
char *builtin_drive_device(struct config *config, const char *name);
