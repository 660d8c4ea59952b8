/* SPDX-License-Identifier: MIT */
/* GC roots of Nix: symlinks below STATE/gcroots/run-vm. */
#pragma once

#include "base/error.h"
#include "init/nix/nixtarget.h"

/* Makes STATE/gcroots/run-vm/NAME a symlink to the store path that `path` is or lies in, so that a
 * garbage collection in the guest keeps it. Replaces another symlink by rename; writes nothing if
 * the symlink is right already. Returns 0, -EINVAL for a path outside the store, or another
 * negative errno, with the reason in `e`. */
int gcroots_add(const struct nixtarget *target, const char *name, const char *path,
                struct error *e);
