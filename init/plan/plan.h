/* SPDX-License-Identifier: MIT */
/* The boot plan: the mounts in their order, and the modules they need. Pure data, which build.h
 * makes from the parameters. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "init/plan/mountoptions.h"

enum plan_source {
    PLAN_NAME,    /* "tmpfs" or the tag of a share: passed to the filesystem */
    PLAN_DEVICE,  /* a device specification: devicespec.h */
    PLAN_BIND,    /* a path that exists already */
    PLAN_OVERLAY, /* layers */
};

/* The layers of an overlay, as paths; the first of `lower` is the topmost. */
struct plan_layers {
    struct strv lower;
    char *upper;  /* owned, NULL: none (the overlay is read-only) */
    char *work;   /* owned */
    char *former; /* owned: the upper layer's path in another release of NixOS; NULL */
};

struct plan_mount {
    enum plan_source source;
    char *what;   /* owned */
    char *where;  /* owned: absolute, no "//", no "/" at the end */
    char *fstype; /* owned; NULL: found by probing (devices only) */
    struct mountoptions options;
    struct plan_layers layers; /* PLAN_OVERLAY */
    /* True if the paths are in the initramfs rather than in the new root. "/" always is the new
     * root. */
    bool outside;
};

struct boot_plan {
    struct plan_mount *mounts; /* owned, in the order of mounting */
    size_t count;
    struct strv modules;     /* from vm.modules= */
    struct strv filesystems; /* types that need a module, except those found by probing */
};

/* struct boot_plan plan CLEANUP_BOOT_PLAN = {0}; */
#define CLEANUP_BOOT_PLAN CLEANUP(boot_plan_free)

/* Mount points, in the initramfs, of the layers of a root overlay. */
#define PLAN_ROOT_LOWER "/.root-lower"
#define PLAN_ROOT_UPPER "/.root-upper"

/* Returns the mount at `where` (inside the root), owned by the plan, or NULL. */
const struct plan_mount *boot_plan_find(const struct boot_plan *plan, const char *where);

void boot_plan_free(struct boot_plan *plan);
