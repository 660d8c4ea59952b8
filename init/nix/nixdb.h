/* SPDX-License-Identifier: MIT */
/* The Nix database: registers store paths as `nix-store --load-db` does, without Nix.
 *
 * Knows nothing of booting: it works on any state directory, so that a guest can use it on a root
 * that is not switched to yet, and the tests on any directory. Everything is written in one
 * transaction and is on the disk when the function returns; after an error the database is as it
 * was before. A registration that the database holds already costs a read and writes nothing. */
#pragma once

#include "base/error.h"
#include "init/nix/nixtarget.h"

/* Registers the paths of the file `registration` (see init/registration.h for its format), read
 * once in large blocks. `result` may be NULL. Returns 0 or a negative errno with the reason:
 *   -EBADMSG  the registration is bad: file, line and reason are in the message
 *   -ENOTSUP  the database has a schema that is not known here
 *   -EUCLEAN  the database is damaged (never deleted or repaired; the remedy is in the message)
 *   -EBUSY    another process has locked it
 *   others    of the file system (ENOSPC, EROFS …)
 * None of them need stop a boot: stage 2 may cope. */
int nixdb_register(const struct nixtarget *target, const char *registration,
                   struct nixtarget_result *result, struct error *e);

/* The same from an open file; `name` is what messages call it. Does not close `fd`. */
int nixdb_register_fd(const struct nixtarget *target, int fd, const char *name,
                      struct nixtarget_result *result, struct error *e);
