/* SPDX-License-Identifier: MIT */
/* Removes paths that are no longer in the store from an existing Nix database. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "init/nix/nixtarget.h"
#include "init/nix/registration.h"

/* A path is missing if the database lists it, but it is neither in the registration `r` nor in the
 * store. The database must have all paths of the registration. */

/* Reads the database `file` without SQLite's locks and sets *needed if a path is missing. Writes
 * nothing, and only counts the paths if they are no more than the registration's. Also sets *needed
 * if the file cannot be read that way, because another process has it open or left changes in a
 * log. Returns 0 or a negative errno with the reason. */
int nixforget_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e);

/* Deletes the missing paths, except those that a remaining path refers to, as Nix does, and sets
 * *forgotten to their number. One transaction, which is on the disk when the function returns 0;
 * else a negative errno with the reason. */
int nixforget_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    size_t *forgotten, struct error *e);
