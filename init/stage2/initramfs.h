/* SPDX-License-Identifier: MIT */
/* Deletes the files of the initramfs, to free their memory. */
#pragma once

#include "base/error.h"

/* Checks that the directory `fd` is an initramfs that may be deleted when `new_root` becomes the
 * root: this is PID 1, and `fd` is on a ramfs or tmpfs other than that of `new_root`. Returns 0, or
 * a negative errno with the reason. */
int initramfs_check(int fd, int new_root, struct error *e);

/* Deletes everything below the directory `fd` that is on its filesystem, not what is mounted there.
 * Call it only after initramfs_check() returned 0. */
void initramfs_delete(int fd);
