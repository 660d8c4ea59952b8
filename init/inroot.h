/* SPDX-License-Identifier: MIT */
/* Files inside a root that is not "/" yet: symlinks, absolute ones too, are resolved inside that
 * root, never in the initramfs. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Calls openat2(2) with RESOLVE_IN_ROOT; `mode` is used with O_CREAT only. Returns a descriptor
 * (always close-on-exec) or a negative errno. */
int inroot_open(int root, const char *path, int flags, mode_t mode);

/* Opens (O_PATH) the directory `path`; makes it and its missing parents with `mode`. Returns a
 * descriptor or a negative errno. */
int inroot_make_directory(int root, const char *path, mode_t mode);

/* Opens (O_PATH) the file `path`; if it is missing, makes an empty one with `mode`, and its missing
 * parents. Returns a descriptor or a negative errno. */
int inroot_make_file(int root, const char *path, mode_t mode);

/* True if `fd`, which may be an O_PATH descriptor, is an empty directory. */
bool inroot_is_empty(int fd);

/* Returns the path of the open file `fd`; the caller frees. */
char *inroot_path(int fd);
