/* SPDX-License-Identifier: MIT */
/* A directory that contains some store paths, and the empty .links that Nix requires, for a program
 * that makes an image of a directory. Needs no root privileges. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "host/system/process.h"

struct storetree {
    const struct strv *paths; /* /nix/store/NAME each */
    const char *prefix;       /* of a chroot store; "": none */
    const char *directory;    /* directory of the tree; exists and is empty */
};

/* Runs the program with the tree at `directory`, made of bind mounts in a mount namespace of its
 * own. Waits for it and returns like process_watch(); `watch` may be NULL. Returns -ENOTSUP,
 * without starting the program, if the kernel does not allow the mounts. */
int storetree_run(const struct storetree *tree, const struct strv *argv,
                  const struct process_watch *watch, struct error *e);

/* Makes the tree on disk, of hard links where they are allowed, else of copies. Returns 0, or a
 * negative errno with the reason. */
int storetree_copy(const struct storetree *tree, struct error *e);
