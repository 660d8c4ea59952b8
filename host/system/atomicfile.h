/* SPDX-License-Identifier: MIT */
/* Files that appear by rename: written under a temporary name beside their place, then put there
 * whole, so that a cut at any instant leaves nothing that could be taken for the finished file. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* A name in the directory of `path` that nobody has: ".run-vm-" and ten random letters. The caller
 * frees it, and removes what is there when it comes to nothing. */
char *atomicfile_temporary(const char *path);

/* Removes what starts that were killed have left under such names in the directory of `path`, a day
 * ago and longer: nobody else will ever know what it is. Before something big is made there. */
void atomicfile_tidy(const char *path);

/* Puts the file under its name, its content on the disk first. Without `replace` an existing file
 * stays: -EEXIST without a message. */
int atomicfile_commit(const char *temporary, const char *path, bool replace, struct error *e);

/* A symbolic link at `path`, instead of whatever file or link there was. */
int atomicfile_link(const char *target, const char *path, struct error *e);

/* A copy of `source` with mode 0644 less the umask. 1; or 0 where `path` exists and stays as it is.
 */
int atomicfile_copy(const char *source, const char *path, bool replace, struct error *e);

/* Copies the bytes of `source` into a new file, mode 0644 less the umask. */
int atomicfile_fill(const char *source, const char *path, struct error *e);

/* Ten letters and digits by the kernel's random numbers, and a zero. */
void atomicfile_random_name(char name[11]);
