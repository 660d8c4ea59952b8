/* SPDX-License-Identifier: MIT */
/* Loads kernel modules and their dependencies by libkmod, as modprobe would. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

struct kmod_ctx;

struct modules {
    struct kmod_ctx *kmod; /* NULL: the initrd has no modules at all */
    struct strv seen;      /* the aliases looked up so far, sorted */
    bool holds_disks;      /* aliases of disks are put into `held` in place of loading a module */
    struct strv held;
};

/* struct modules m CLEANUP_MODULES = {0}; */
#define CLEANUP_MODULES CLEANUP(modules_close)

#define MODULES_DIRECTORY "/lib/modules"

/* Opens the modules of the running kernel below `directory` (MODULES_DIRECTORY). Returns 0, also if
 * there are no modules at all (everything is built in); -ENOENT if there are only modules of other
 * kernels; or another negative errno; with the reason. */
int modules_open(struct modules *modules, const char *directory, struct error *e);

/* Loads the modules of `alias`: a device's modalias, "fs-ext4", or a module's name. Looks up each
 * alias once; logs a failure. Returns true if a module has that alias, or the kernel has it built
 * in. */
bool modules_load(struct modules *modules, const char *alias);

/* Loads the hash functions for modules' signatures. Call it before any other module is loaded. */
void modules_load_hashes(struct modules *modules);

/* Loads the module of a filesystem, "fs-TYPE". */
void modules_load_filesystem(struct modules *modules, const char *type);

/* From the first call on no module of a disk or its controller is loaded; from the second on they
 * are, those of earlier modules_load() first. */
void modules_hold_disks(struct modules *modules);
void modules_release_disks(struct modules *modules);

void modules_close(struct modules *modules);
