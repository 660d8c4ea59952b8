/* SPDX-License-Identifier: MIT */
/* Freeing the memory of the initramfs, once nothing in it is needed any more. */
#pragma once

#include "base/error.h"

/* Whether what `fd` has open is an initramfs that may be deleted when `new_root` is the root: we
 * are PID 1, it is a ramfs or tmpfs, and not the filesystem of `new_root`. Returns 0, or a negative
 * errno with the reason why not. */
int initramfs_check(int fd, int new_root, struct error *e);

/* Deletes everything on the filesystem of the directory `fd` except `fd` itself; what is mounted
 * inside is left alone, with the directories that lead there. Only after initramfs_check(). */
void initramfs_delete(int fd);
