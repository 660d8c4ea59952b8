/* SPDX-License-Identifier: MIT */
/* Names beside those of our options: which are another NixOS module's, and which are misspelt. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/config/option.h"

/* Whether `name`, inside virtualisation, is an option or group of another NixOS module. */
bool neighbours_are_others(const char *name);

/* Suggests an option for `name`, which is none: one of the table that is spelt nearly so, or that
 * `name` would be inside virtualisation. The caller frees; NULL: none is like it. */
char *neighbours_meant(const struct option *options, size_t count, const char *name);
