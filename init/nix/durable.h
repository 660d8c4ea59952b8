/* SPDX-License-Identifier: MIT */
/* Atomic files that are on the disk when the call returns. All functions return 0 or a negative
 * errno with the reason. */
#pragma once

#include "base/error.h"

/* Makes a directory and its missing parents with mode 0755. */
int durable_make_directories(const char *directory, struct error *e);

/* Syncs `temporary`, renames it to `final` in the same directory, and syncs the directory. */
int durable_publish(const char *temporary, const char *final, struct error *e);

/* Replaces the file `name` by one with the content `text`, mode 0644 (less the umask). The
 * temporary file is `name`.new. */
int durable_write(const char *name, const char *text, struct error *e);

/* Makes `name` a symlink to `target`; the temporary file is `name`.new. Replaces another symlink;
 * -EEXIST for any other file. */
int durable_symlink(const char *name, const char *target, struct error *e);
