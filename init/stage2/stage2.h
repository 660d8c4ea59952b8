/* SPDX-License-Identifier: MIT */
/* The switch to stage 2: makes the root "/", deletes the initramfs, and executes init=. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

/* Finds stage 2 inside `root` (a descriptor): `init`, or if that is NULL /init, then /sbin/init.
 * Resolves symlinks, absolute ones too, inside the root. Returns the path of the program, which the
 * caller frees; NULL with the reason. */
char *stage2_find(int root, const char *init, struct error *e);

/* Kills all other processes, makes the mount at `path` the root, and deletes the initramfs. Returns
 * 0, or a negative errno with the reason. */
int stage2_enter(const char *path, struct error *e);

/* Executes `stage2` with `arguments`, an empty environment and no signal blocked or ignored.
 * Returns only after a failure: a negative errno with the reason. */
int stage2_execute(const char *stage2, const struct strv *arguments, struct error *e);
