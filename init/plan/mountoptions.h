/* SPDX-License-Identifier: MIT */
/* Mount options: splits a list as in fstab(5) into the kernel's flags, the filesystem's options and
 * init's own. Pure. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

struct mountoptions {
    unsigned long flags;       /* MS_RDONLY, MS_BIND … of mount(2) */
    unsigned long propagation; /* MS_PRIVATE … (with MS_REC): needs a second mount(2); 0: none */
    char *data;                /* owned: the filesystem's options, "" if there are none */
    bool makefs;               /* x-systemd.makefs: format if blank */
    char *disk; /* owned: x-run-vm.disk, the disk to format if no device has the label; NULL */
    struct strv requires; /* x-systemd.requires-mounts-for: paths that must be mounted before */
    bool growfs;          /* x-systemd.growfs: grow to the device */
    bool if_empty;        /* x-run-vm.if-empty: mount only on an empty directory */
    bool nofail;          /* the boot continues if the mount fails */
};

/* Splits `text` (NULL: no options), which the caller frees. Drops options of other programs (x-*,
 * noauto, comment= …). Returns 0, or -EINVAL for an unsupported option (loop devices, verity);
 * there is nothing to free then. */
int mountoptions_parse(struct mountoptions *options, const char *text, struct error *e);

/* Removes option `name` from the filesystem's options. Returns its last value, which the caller
 * frees,
 * "" for an option without a value, or NULL if it was absent. */
char *mountoptions_take(struct mountoptions *options, const char *name);

void mountoptions_free(struct mountoptions *options);
