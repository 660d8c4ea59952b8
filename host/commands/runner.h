/* SPDX-License-Identifier: MIT */
/* run-vm called as run-NAME-vm, which replaces the script of that name that nixpkgs generates. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* True if a program called by that name is run-NAME-vm. */
bool runner_is_name(const char *argv0);

/* Finds the configuration of the program called by `argv0`: NAME.json beside that name or beside
 * any link on the way to the program. The caller frees. Returns NULL with a message that lists
 * where it looked, and STATUS_IO. */
char *runner_find_config(const char *argv0, struct error *e);
