/* SPDX-License-Identifier: MIT */
/* Files that appear whole and are on the disk when the call returns. */
#pragma once

#include "base/error.h"

/* Makes a directory and those above it that are missing, mode 0755. */
int durable_make_directories(const char *directory, struct error *e);

/* Syncs `temporary`, gives it the name `final` in the same directory, and syncs that. */
int durable_publish(const char *temporary, const char *final, struct error *e);

/* Makes the file `name` hold `text`, mode 0644 (less the umask), by way of `name`.new. */
int durable_write(const char *name, const char *text, struct error *e);

/* Makes `name` a symlink to `target`, by way of `name`.new; one that is there is replaced, anything
 * else that is there is an error. */
int durable_symlink(const char *name, const char *target, struct error *e);
