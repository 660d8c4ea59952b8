/* SPDX-License-Identifier: MIT */
/* A directory with some store paths in it, and the empty .links that Nix wants, for a program that
 * makes an image of a directory. Nobody needs to be root for it. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "host/system/process.h"

struct storetree {
    const struct strv *paths; /* /nix/store/NAME each */
    const char *prefix;       /* of a chroot store; "": none */
    const char *directory;    /* where the tree is to be; exists and is empty */
};

/* Runs the program with the tree at `directory`: by bind mounts in a mount namespace of its own.
 * Waits for it like process_watch(); `watch` may be NULL. -ENOTSUP, without the program having been
 * started, where the kernel does not let us. */
int storetree_run(const struct storetree *tree, const struct strv *argv,
                  const struct process_watch *watch, struct error *e);

/* Makes the tree on the disk, of hard links where they are allowed, else of copies. */
int storetree_copy(const struct storetree *tree, struct error *e);
