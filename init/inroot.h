/* SPDX-License-Identifier: MIT */
/* Paths inside a root that is not ours yet: symlinks, absolute ones too, lead inside it and never
 * into the initramfs. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* openat2(2) with RESOLVE_IN_ROOT; `mode` counts with O_CREAT. Returns a descriptor (always
 * close-on-exec) or a negative errno. */
int inroot_open(int root, const char *path, int flags, mode_t mode);

/* Opens (O_PATH) the directory `path`, making what is missing of it with `mode`. */
int inroot_make_directory(int root, const char *path, mode_t mode);

/* Opens (O_PATH) the file `path`, an empty one and its directories being made where it is not. */
int inroot_make_file(int root, const char *path, mode_t mode);

/* Whether there is anything in the directory that `fd` (O_PATH will do) has open. */
bool inroot_is_empty(int fd);

/* The path that leads to what `fd` has open; the caller frees. */
char *inroot_path(int fd);
