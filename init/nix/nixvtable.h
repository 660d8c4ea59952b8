/* SPDX-License-Identifier: MIT */
/* A registration as two tables that SQL can read, so that one statement can move all of it. */
#pragma once

#include "init/nix/nixsql.h"
#include "init/nix/registration.h"

/* Offers these tables on the connection; the registration must outlive it:
 *   registered (path, hash, deriver, narSize)   the entries, in their order
 *   registeredRefs (referrer, reference)        their references; an entry is given by its place
 *                                               among the entries, counted from 1
 * Each reference must be to an entry. */
int nixvtable_offer(struct nixsql *db, const struct registration *r, struct error *e);
