/* SPDX-License-Identifier: MIT */
/* run-vm called as run-NAME-vm, in place of the script of that name that nixpkgs makes. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Whether a program of this name is one. */
bool runner_is_name(const char *argv0);

/* Finds the configuration of the program called by `argv0`: LINK.json beside the name that it was
 * called by, or beside the link that this leads to, and so on. The caller frees; NULL with the
 * places that were looked at, and STATUS_IO. */
char *runner_find_config(const char *argv0, struct error *e);
