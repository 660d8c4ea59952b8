/* SPDX-License-Identifier: MIT */
/* Makes directories with their parents, and removes directory trees without leaving them. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* Makes the directory and its missing parents, like mkdir -p. Returns 0, also if it exists, or a
 * negative errno with the reason. */
int tree_make(const char *path, mode_t mode, struct error *e);

/* Removes the directory and everything in it, without following a symbolic link or entering another
 * filesystem: a mount inside stays, and is an error. Returns 0, also if there is no such directory,
 * or a negative errno with the reason. */
int tree_remove(const char *path, struct error *e);
