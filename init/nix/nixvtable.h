/* SPDX-License-Identifier: MIT */
/* A registration as two virtual tables: one SQL statement can copy all of it, which takes a third
 * fewer instructions than a statement for each row. */
#pragma once

#include "init/nix/nixsql.h"
#include "init/nix/registration.h"

/* Adds these tables to the connection; the registration must outlive it:
 *   registered (path, hash, deriver, narSize)   the entries, in their order
 *   registeredRefs (referrer, reference)        their references; entries are numbered from 1
 * Each reference must be to an entry. Returns 0 or a negative errno with the reason. */
int nixvtable_offer(struct nixsql *db, const struct registration *r, struct error *e);
