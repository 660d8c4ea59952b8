/* SPDX-License-Identifier: MIT */
/* regInfo=: the closure that the host shares, put into the Nix database of the root. */
#pragma once

#include <stdbool.h>

#include "common/error.h"

/* Registers what the file `path` (inside `root`, a descriptor) says. It is read from the store's
 * read-only layer where there is one: what a garbage collection hid in the overlay is still there.
 * Unless the store's writable layer lasts from boot to boot, what was in it is forgotten. Returns 0
 * or a negative errno with the reason; a boot can go on without. */
int closure_register(int root, const char *path, bool lasting_store, struct error *e);
