/* SPDX-License-Identifier: MIT */
/* regInfo=: registers the closure that the host shares in the Nix database of the root. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Registers the paths of the file `path` inside `root` (a descriptor). Reads it from the read-only
 * lower store, if there is one: a garbage collection in the guest may have hidden it in the
 * overlay. Unless `lasting_store` (the writable layer survives a reboot), removes paths from the
 * database that existed only in that layer. Returns 0 or a negative errno with the reason; the boot
 * can continue. */
int closure_register(int root, const char *path, bool lasting_store, struct error *e);

/* Makes GC roots of the booted system (the store path of `init`, NULL: none) and of the
 * registration, each if it is inside the store. Returns 0 or a negative errno with the reason; the
 * boot can continue. */
int closure_keep(int root, const char *init, const char *registration, struct error *e);
