/* SPDX-License-Identifier: MIT */
/* Chooses the kernel of a tree start: the tree's newest one, or else the one that runs on the host.
 * Reads only; links of the tree are followed inside it. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

struct treekernel_request {
    const char *tree;        /* the directory of --root-dir */
    const char *kernel;      /* --kernel; NULL: not given */
    const char *modules_dir; /* --modules-dir; NULL: not given */
    const char *host;        /* the host's root; "": / */
    const char *release;     /* of the host's kernel, as uname -r prints it */
};

/* Paths that were found; NULL where nothing was. */
struct treekernel {
    char *kernel; /* of a request without one */
    char *version;
    char *modules_dir;      /* of a request without one */
    struct strv parameters; /* that the tree's boot entry gives the kernel */
    bool is_hosts;          /* the kernel is the host's */
};

/* struct treekernel found CLEANUP_TREEKERNEL = {0}; */
#define CLEANUP_TREEKERNEL CLEANUP(treekernel_free)

/* Finds the kernel, if none is given, and its modules. Returns 0, or -ENOENT with a message that
 * says where it looked. */
int treekernel_find(struct treekernel *found, const struct treekernel_request *request,
                    struct error *e);

void treekernel_free(struct treekernel *found);
