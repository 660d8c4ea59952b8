/* SPDX-License-Identifier: MIT */
/* The guest's EFI firmware: two files, its code and a template of its variables, from a package or
 * from Debian. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "host/config/option.h"

/* Defaults of options; null: the platform has no firmware that run-vm knows. */
json_t *firmware_default_code(const struct scope *scope);
json_t *firmware_default_variables(const struct scope *scope);
json_t *firmware_default_keep(const struct scope *scope);

/* True for firmware of Debian's that has no Secure Boot. */
bool firmware_lacks_secure_boot(const struct config *config);

/* True if the firmware keeps its variables from the guest's kernel by system management mode, which
 * the machine must then have: a package says so, or useSecureBoot is set, or the name of the file
 * with the code is that of such firmware. */
bool firmware_needs_smm(const struct config *config);
