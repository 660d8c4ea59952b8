/* SPDX-License-Identifier: MIT */
/* A new Nix database: built under a temporary name, renamed when it is complete. */
#pragma once

#include <stdint.h>

#include "init/nix/nixtarget.h"
#include "init/nix/registration.h"

/* Makes db.sqlite with all of the registration in the directory `db_dir`, which must not have one.
 * Each reference must be to an entry of the registration. File and directory are on the disk when
 * the function returns 0; after an error or power loss there is no db.sqlite. `now`: seconds since
 * 1970. Returns 0 or a negative errno with the reason. */
int nixcreate_database(const char *db_dir, const struct nixtarget *target,
                       const struct registration *r, int64_t now, struct error *e);
