/* SPDX-License-Identifier: MIT */
/* Lists the filesystems inside a directory of the host: mounts, and subvolumes of btrfs. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"

/* Appends the path of each filesystem below `directory`, relative to it and beginning with "/", an
 * outer one before those inside it, at most `limit` of them. Reads tables of the kernel only: walks
 * no directory and triggers no automount. Returns false if there are more. */
bool submounts_list(struct strv *paths, const char *directory, size_t limit);
