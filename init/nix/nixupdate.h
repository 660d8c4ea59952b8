/* SPDX-License-Identifier: MIT */
/* Registers paths in an existing Nix database. */
#pragma once

#include <stdbool.h>

#include "init/nix/nixrows.h"

/* Reads the database `file` without SQLite's locks and sets *needed if registering `r` would change
 * a row. Writes nothing, not even a lock file. Also sets *needed if the file cannot be read that
 * way, because another process has it open or left changes in a log: nixupdate_apply() then
 * decides. Returns 0 or a negative errno with the reason. */
int nixupdate_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e);

/* True if the database `file` lists `path`; false also if it cannot be read without SQLite's locks.
 */
bool nixupdate_lists(const char *file, const char *path);

/* Registers `r` in one transaction, which is on the disk when the function returns 0. `half_made`:
 * power loss interrupted the making of the database, tables may be missing. Adds to the counts in
 * `result`. Returns 0 or a negative errno with the reason; the database is then unchanged. */
int nixupdate_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    int64_t now, bool half_made, struct nixtarget_result *result, struct error *e);
