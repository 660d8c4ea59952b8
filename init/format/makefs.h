/* SPDX-License-Identifier: MIT */
/* x-systemd.makefs: an ext4 on a device that is blank, and only there. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "init/devices/probe.h"

/* Makes an ext4 on the block device (or image file) at `path` if it is blank, or if it holds a
 * format of ours that was interrupted. `label` may be NULL. `stamps`: the words by which the
 * host vouches for disks (common/stamp.h); NULL: it does not.
 * Returns 1 when it was formatted, 0 when it holds a filesystem already; `p` (its old contents
 * are freed) then describes the filesystem that is there now, so that nobody has to probe again.
 * Anything else on it, a device in use, read-only, too small or unreadable: a negative errno and
 * a message that says what was found. */
int makefs_if_blank(const char *path, const char *label, const struct strv *stamps, struct probe *p,
                    struct error *e);
