/* SPDX-License-Identifier: MIT */
/* run-vm called as run-NAME-vm, which replaces the script of that name that nixpkgs generates. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* True if `argv0`, a link on the way from it, or the file that was executed is called run-NAME-vm,
 * and argv[0] is not run-vm itself. */
bool runner_is_called(const char *argv0);

/* Finds the configuration of the program called by `argv0`: run-NAME-vm.json beside the first of
 * these names that has one. The caller frees. Returns NULL with a message that lists where it
 * looked, and STATUS_IO. */
char *runner_find_config(const char *argv0, struct error *e);
