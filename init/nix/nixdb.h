/* SPDX-License-Identifier: MIT */
/* The Nix database: registers store paths as `nix-store --load-db` does, without Nix.
 *
 * Works on any state directory: that of a root before the switch to it, or one that a test made.
 * All changes are one transaction, which is on the disk when the function returns; after an error
 * the database is unchanged. If the database holds the registration already, it is only read. */
#pragma once

#include "base/error.h"
#include "init/nix/nixtarget.h"

/* Registers the paths of the file `registration` (its format: registrationparser.h), which is read
 * once, in large blocks. `result` may be NULL. Returns 0 or a negative errno with the reason:
 *   -EBADMSG  the registration is invalid: the message has file, line and reason
 *   -ENOTSUP  the database has an unknown schema
 *   -EUCLEAN  the database is damaged (never deleted or repaired; the message has the remedy)
 *   -EBUSY    another process has locked the database
 *   others    of the filesystem (ENOSPC, EROFS …)
 * A boot can continue after each of them: stage 2 registers the paths too. */
int nixdb_register(const struct nixtarget *target, const char *registration,
                   struct nixtarget_result *result, struct error *e);

/* The same from an open file, which messages call `name`. Does not close `fd`. */
int nixdb_register_fd(const struct nixtarget *target, int fd, const char *name,
                      struct nixtarget_result *result, struct error *e);
