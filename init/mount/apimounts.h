/* SPDX-License-Identifier: MIT */
/* The kernel's own filesystems: /proc, /sys, /dev and what belongs to them, as stage 2 expects to
 * find them. */
#pragma once

#include "base/error.h"

/* The options of /dev/pts, before the number of a group, and NixOS's group "tty". */
#define APIMOUNTS_PTS_OPTIONS "mode=620,ptmxmode=0666,gid="
#define APIMOUNTS_TTY_GROUP   "3"

/* Mounts them all. One that is mounted already is no error. Returns 0, or a negative errno when
 * one that a boot cannot do without cannot be mounted. */
int apimounts_mount(struct error *e);

/* Moves those at the top into `root` (a path), for stage 2 to find; where `root` has something
 * mounted in that place already, ours is detached instead. Returns 0 or a negative errno. */
int apimounts_move(const char *root, struct error *e);
