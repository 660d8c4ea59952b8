/* SPDX-License-Identifier: MIT */
/* The releases of NixOS whose module a configuration is written for: runVm.release. The module's
 * defaults have changed since the specification's release; nothing else depends on the name of a
 * release. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct release {
    const char *name;           /* "24.05" */
    bool writable_follows_host; /* writableStore is by default mountHostNixStore; false: true */
    bool root_by_label;         /* the root is found by its label, nixos; its drive has a serial
                                   number, root, and is the first to boot; false: by its name */
    const char *store_target;   /* the target of the built-in share nix-store */
    const char *store_upper;    /* the upper layer of the store's overlay in /nix/.rw-store */
    const char *security_model; /* of a user's share over 9p */
    bool shares_writable;       /* a user's share is writable by default */
    const char *transport;      /* of shares: "9p" or "virtiofs" */
    bool arm_display;           /* a guest of ARM has a display adapter */
};

/* The label and the drive's serial number with root_by_label. */
#define RELEASE_ROOT_LABEL  "nixos"
#define RELEASE_ROOT_SERIAL "root"

/* The names, oldest first, ended by NULL, as a type's choices. */
extern const char *const release_names[];

/* The release of that name, one of release_names. Static. */
const struct release *release_find(const char *name);

/* Changes of defaults, oldest first, for the manual. */
struct release_change {
    const char *since; /* the first release that has it */
    const char *text;  /* a sentence */
};
extern const struct release_change release_changes[];
extern const size_t release_change_count;
