/* SPDX-License-Identifier: MIT */
/* Directory trees: made with their parents, removed without ever leaving them. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

/* mkdir -p: the directory and what is missing above it. 0 also when it is there already. */
int tree_make(const char *path, mode_t mode, struct error *e);

/* Removes the directory and everything in it. No symbolic link is followed and no other filesystem
 * entered: what is mounted inside stays, and is the error. 0 also when there is no such directory.
 */
int tree_remove(const char *path, struct error *e);
