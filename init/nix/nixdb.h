/* SPDX-License-Identifier: MIT */
/* The Nix database: registers store paths as `nix-store --load-db` does, without Nix.
 *
 * Knows nothing of booting: it works on any state directory, so that a guest can use it on a root
 * that is not switched to yet, and the tests on any directory. Everything is written in one
 * transaction and is on the disk when the function returns; after an error the database is as it
 * was before. A registration that the database holds already costs a read and writes nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Whose text the tables of a new database have: those of later versions say the same in other words
 * and have one more table, which is empty (and which they add to an older one when they open it).
 */
enum nixdb_version { NIXDB_2_8, NIXDB_2_26 };

struct nixdb_place {
    const char *state_dir;  /* gets db/ and gcroots/: ROOT/nix/var/nix; made if it is not there */
    const char *db_dir;     /* where db/ leads to; NULL: it is the directory STATE/db itself */
    const char *roots_dir;  /* where gcroots/run-vm leads to; NULL: likewise */
    const char *real_store; /* where the store's files are now: ROOT/nix/store (.drv are read) */
    const char *store_dir;  /* the store's name in paths and database; NULL: /nix/store */
    enum nixdb_version version;
    /* The file's name inside the store, or NULL. The store path that it lies in is registered too,
     * as referring to all that it lists: the host does not list it, and what is not valid is
     * collected as garbage whatever refers to it. */
    const char *registration_path;
    /* The store's paths may have gone since the database was written (its writable layer is a
     * tmpfs): paths that are neither in the registration nor in the store are forgotten. */
    bool forget_missing;
};

struct nixdb_result {
    size_t paths;      /* store paths in the registration */
    size_t added;      /* of these, new in the database */
    size_t updated;    /* of these, known, but with another hash or size */
    size_t references; /* rows added to the references */
    size_t forgotten;  /* paths that were only in the database, see forget_missing */
    bool created;      /* there was no database before */
};

/* Registers the paths of the file `registration` (see init/registration.h for its format), read
 * once in large blocks. `result` may be NULL. Returns 0 or a negative errno with the reason:
 *   -EBADMSG  the registration is bad: file, line and reason are in the message
 *   -ENOTSUP  the database has a schema that is not known here
 *   -EUCLEAN  the database is damaged (never deleted or repaired; the remedy is in the message)
 *   -EBUSY    another process has locked it
 *   others    of the file system (ENOSPC, EROFS …)
 * None of them need stop a boot: stage 2 may cope. */
int nixdb_register(const struct nixdb_place *place, const char *registration,
                   struct nixdb_result *result, struct error *e);

/* The same from an open file; `name` is what messages call it. Does not close `fd`. */
int nixdb_register_fd(const struct nixdb_place *place, int fd, const char *name,
                      struct nixdb_result *result, struct error *e);

/* Makes STATE/gcroots/run-vm/NAME a symlink to the store path that `path` lies in (a file in a
 * store path names its store path), by rename, and only if it is not that already: a garbage
 * collection in the guest then keeps it. Returns 0, or -EINVAL for a path outside the store, or
 * another negative errno. */
int nixdb_keep(const struct nixdb_place *place, const char *name, const char *path,
               struct error *e);
