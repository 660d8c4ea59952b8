/* SPDX-License-Identifier: MIT */
/* Mount options: a list as in fstab(5), split into what the kernel takes as flags, what the
 * filesystem takes as text, and what is for us. Pure. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct mountoptions {
    unsigned long flags;       /* MS_RDONLY, MS_BIND … of mount(2) */
    unsigned long propagation; /* MS_PRIVATE … (with MS_REC): a call of its own, 0: none */
    char *data;                /* owned: the filesystem's own options, "" if there are none */
    bool makefs;               /* x-systemd.makefs: format if blank */
    bool growfs;               /* x-systemd.growfs: grow to the device */
    bool if_empty;             /* x-run-vm.if-empty: only where it hides nothing */
    bool nofail;               /* without it the boot goes on */
};

/* Splits `text` (NULL: no options). Options that are for other programs (x-*, noauto, comment= …)
 * are dropped. Returns 0, or -EINVAL for one that asks for what is not done here (loop devices,
 * verity); nothing is left to free then. */
int mountoptions_parse(struct mountoptions *options, const char *text, struct error *e);

/* Takes option `name` out of the filesystem's own. Returns its value, which the caller frees, ""
 * where it has none; NULL: it was not there. The last one counts where there are several. */
char *mountoptions_take(struct mountoptions *options, const char *name);

void mountoptions_free(struct mountoptions *options);
