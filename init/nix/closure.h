/* SPDX-License-Identifier: MIT */
/* regInfo=: the closure that the host shares, put into the Nix database of the root. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Registers what the file `path` (inside `root`, a descriptor) says. It is read from the store's
 * read-only layer where there is one: what a garbage collection hid in the overlay is still there.
 * Unless the store's writable layer lasts from boot to boot, what was in it is forgotten. Returns 0
 * or a negative errno with the reason; a boot can go on without. */
int closure_register(int root, const char *path, bool lasting_store, struct error *e);

/* Keeps the system that is booted (`init`, what stage 2 is started by) and the registration's store
 * path from a garbage collection in the guest, as far as they lie in the store. Returns 0 or a
 * negative errno with the reason; a boot can go on without. */
int closure_keep(int root, const char *init, const char *registration, struct error *e);
