/* SPDX-License-Identifier: MIT */
/* The boot plan: what is to be mounted, in which order, and what it needs. Pure data made from the
 * parameters; nothing here touches the system. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/strv.h"
#include "init/plan/mountoptions.h"

enum plan_source {
    PLAN_NAME,    /* "tmpfs", the tag of a share: given to the filesystem as it is */
    PLAN_DEVICE,  /* a device specification: waited for, probed, formatted */
    PLAN_BIND,    /* a path that is already there */
    PLAN_OVERLAY, /* layers */
};

/* The layers of an overlay, as paths; of `lower` the first is the topmost. */
struct plan_layers {
    struct strv lower;
    char *upper; /* owned, NULL: none (the overlay is read-only) */
    char *work;  /* owned */
};

struct plan_mount {
    enum plan_source source;
    char *what;   /* owned */
    char *where;  /* owned: absolute, no "//", no "/" at the end */
    char *fstype; /* owned, NULL: found by probing (devices only) */
    struct mountoptions options;
    struct plan_layers layers; /* PLAN_OVERLAY */
    /* Paths are the initramfs's rather than those of the root being made. "/" is always the
     * root being made. */
    bool outside;
};

struct boot_plan {
    struct plan_mount *mounts; /* owned, in the order in which they are to be mounted */
    size_t count;
    struct strv modules;     /* asked for by name */
    struct strv filesystems; /* types whose modules are needed, as far as they are known */
};

/* struct boot_plan plan CLEANUP_BOOT_PLAN = {0}; */
#define CLEANUP_BOOT_PLAN CLEANUP(boot_plan_free)

/* Where in the initramfs the layers of a root overlay are mounted. */
#define PLAN_ROOT_LOWER "/.root-lower"
#define PLAN_ROOT_UPPER "/.root-upper"

/* The plan's mount at `where` (inside the root), or NULL. */
const struct plan_mount *boot_plan_find(const struct boot_plan *plan, const char *where);

void boot_plan_free(struct boot_plan *plan);
