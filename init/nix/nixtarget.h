/* SPDX-License-Identifier: MIT */
/* The Nix store and database to register paths in, and the counts of what a registration changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The Nix version whose text a new database's tables have. Later versions create the same tables in
 * other words, and one more table, which is empty; they add that one to an older database when they
 * open it. */
enum nixtarget_version { NIXTARGET_2_8, NIXTARGET_2_26 };

struct nixtarget {
    const char *state_dir;  /* holds db/ and gcroots/: ROOT/nix/var/nix; made if missing */
    const char *db_dir;     /* real path of STATE/db; NULL: STATE/db is no symlink */
    const char *roots_dir;  /* real path of STATE/gcroots/run-vm; NULL: likewise */
    const char *real_store; /* present location of the store's files: ROOT/nix/store */
    const char *store_dir;  /* the store's name in paths and database; NULL: /nix/store */
    enum nixtarget_version version;
    /* Path of the registration file if it is inside the store, else NULL. The store path that
     * contains it is then registered too, with a reference to every path it lists: the host's list
     * leaves it out, and Nix collects a path that is not valid even if a GC root points to it. */
    const char *registration_path;
    /* True if the store may have lost paths since the database was written (its writable layer is a
     * tmpfs): paths that are neither in the registration nor in the store are then removed. */
    bool forget_missing;
};

struct nixtarget_result {
    size_t paths;      /* store paths in the registration */
    size_t added;      /* of these, new in the database */
    size_t updated;    /* of these, known, but with another hash or size */
    size_t references; /* rows added to the references */
    size_t forgotten;  /* paths removed from the database, see forget_missing */
    bool created;      /* there was no database before */
};
