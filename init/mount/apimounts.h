/* SPDX-License-Identifier: MIT */
/* The kernel's API filesystems: /proc, /sys, /dev and those below them, as stage 2 expects them. */
#pragma once

#include "base/error.h"

/* The options of /dev/pts up to the number of its group, and the number of NixOS's group "tty". */
#define APIMOUNTS_PTS_OPTIONS "mode=620,ptmxmode=0666,gid="
#define APIMOUNTS_TTY_GROUP   "3"

/* Mounts the API filesystems, except those that are mounted already. Returns 0, or a negative errno
 * with the reason if one that the boot needs cannot be mounted; logs the failure of another. */
int apimounts_mount(struct error *e);

/* Moves /proc, /sys, /dev and /run into `root` (a path), for stage 2. Detaches one instead if
 * `root` has a mount there already. Returns 0 or a negative errno with the reason. */
int apimounts_move(const char *root, struct error *e);
