/* SPDX-License-Identifier: MIT */
/* A new Nix database: built under a temporary name, renamed when it is complete. */
#pragma once

#include <stdint.h>

#include "init/nix/nixtarget.h"
#include "init/nix/registration.h"

/* Makes db.sqlite in the directory `db_dir`, in which there must be none, with all of the
 * registration in it; each reference must be to one of its entries. On the disk, with the
 * directory, when it returns; after an error or a cut there is no db.sqlite. */
int nixcreate_database(const char *db_dir, const struct nixtarget *target,
                       const struct registration *r, int64_t now, struct error *e);
