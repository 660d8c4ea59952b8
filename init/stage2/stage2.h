/* SPDX-License-Identifier: MIT */
/* The switch to stage 2: the root becomes "/", the initramfs is freed, and init= takes over. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

/* Finds stage 2 inside `root` (a descriptor): `init`, or without it /init, then /sbin/init.
 * Symlinks, absolute ones too, are followed inside the root. Returns the path to start it by,
 * which the caller frees; NULL with the reason. */
char *stage2_find(int root, const char *init, struct error *e);

/* Makes what is mounted at `path` the root of everything and deletes the initramfs. 0, or a
 * negative errno with the reason. */
int stage2_enter(const char *path, struct error *e);

/* The same, and then starts
 * `stage2` with `arguments` behind its name, an empty environment and no signal blocked or ignored.
 * Returns only when that failed: a negative errno. */
int stage2_switch(const char *path, const char *stage2, const struct strv *arguments,
                  struct error *e);
