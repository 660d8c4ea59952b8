/* SPDX-License-Identifier: MIT */
/* Names that are no option of ours: those of other NixOS modules, and misspelt ones. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "host/config/option.h"

/* True if `name` is an option or group inside virtualisation of another NixOS module. */
bool neighbours_are_others(const char *name);

/* Suggests an option for `name`, which is none: one of the table with a similar name, or the one
 * that `name` is inside virtualisation. The caller frees; NULL: there is none. */
char *neighbours_meant(const struct option *options, size_t count, const char *name);
