/* SPDX-License-Identifier: MIT */
/* Atomic files: written under a temporary name in the same directory, then renamed. A power loss at
 * any instant leaves nothing that could be mistaken for the finished file. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Returns an unused name in the directory of `path`: ".run-vm-" and ten random letters. The caller
 * frees it and, if it fails to make the file, removes what it has made under that name. */
char *atomicfile_temporary(const char *path);

/* Deletes temporary files, older than a day, that killed runs left next to `path`; nothing else
 * ever would. Call it before writing something large there. */
void atomicfile_tidy(const char *path);

/* Writes the file back to the disk, then renames it to `path`. Without `replace` an existing file
 * stays, and -EEXIST is returned without a message. Returns 0 or a negative errno. */
int atomicfile_commit(const char *temporary, const char *path, bool replace, struct error *e);

/* Makes a symbolic link at `path`, in place of any file or link there. Returns 0 or a negative
 * errno with the reason. */
int atomicfile_link(const char *target, const char *path, struct error *e);

/* Makes a copy of `source` with mode 0644 less the umask. Returns 1, 0 if `path` exists and is not
 * to be replaced, or a negative errno with the reason. */
int atomicfile_copy(const char *source, const char *path, bool replace, struct error *e);

/* Copies `source` into a new file, mode 0644 less the umask; not atomic. Returns 0 or a negative
 * errno with the reason. */
int atomicfile_fill(const char *source, const char *path, struct error *e);

/* Sets `name` to ten random letters and digits. */
void atomicfile_random_name(char name[11]);
