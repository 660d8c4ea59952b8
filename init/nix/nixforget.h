/* SPDX-License-Identifier: MIT */
/* An existing Nix database: the rows of paths that are no longer in the store. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "init/nix/nixtarget.h"
#include "init/nix/registration.h"

/* A path is missing when it is in the database, but neither in the registration `r`, all of whose
 * paths the database must hold, nor in the store. */

/* Reads the database `file` as it lies there and tells in *needed whether a path is missing. Writes
 * nothing; where there are no other paths than the registration's it only counts. *needed is also
 * set when the file cannot be read that way, because another process has it open or left changes
 * in a log. */
int nixforget_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e);

/* Deletes the missing paths, except those that a path which stays refers to, as Nix does. In one
 * transaction, which is on the disk when it returns. */
int nixforget_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    size_t *forgotten, struct error *e);
