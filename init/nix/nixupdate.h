/* SPDX-License-Identifier: MIT */
/* An existing Nix database: what a registration would change in it, and the change. */
#pragma once

#include <stdbool.h>

#include "init/nix/nixrows.h"

/* Reads the database `file` as it lies there and tells in *needed whether registering `r` would
 * change a row. Writes nothing, not even a lock file. *needed is also set when the file cannot be
 * read that way, because another process has it open or left changes in a log: nixupdate_apply()
 * then finds out. */
int nixupdate_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e);

/* Whether the database `file`, as it lies there, lists `path`. False also when it cannot be read
 * that way. */
bool nixupdate_lists(const char *file, const char *path);

/* Makes the change in one transaction, which is on the disk when it returns. `half_made`: the
 * database was never finished, tables may be missing. Fills in `result`. */
int nixupdate_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    int64_t now, bool half_made, struct nixtarget_result *result, struct error *e);
