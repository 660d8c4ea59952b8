/* SPDX-License-Identifier: MIT */
/* The filesystems inside a directory of the host: mounts, and subvolumes of btrfs. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

/* Appends the path, relative to `directory` and beginning with "/", of each filesystem below it, an
 * outer one before those inside it, at most `limit` of them. Reads tables of the kernel only: no
 * directory is walked, nothing is mounted. False: there are more. */
bool submounts_list(struct strv *paths, const char *directory, size_t limit);
