/* SPDX-License-Identifier: MIT */
/* x-systemd.makefs: makes an ext4 on a blank device, and only there. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "init/devices/probe.h"

/* Makes an ext4 on the block device (or image file) `path` if it is blank, or if it has an
 * interrupted format of ours. `label` may be NULL. `stamps`: the words of the host's stamps on
 * blank disks (common/stamp.h); NULL: none. Returns 1 if it was formatted, 0 if it has a filesystem
 * already; `p`, whose old content is freed, then describes the filesystem, which need not be probed
 * again. Returns a negative errno, with a message that says what was found, for a device with other
 * data, or one that is in use, read-only, too small or unreadable. */
int makefs_if_blank(const char *path, const char *label, const struct strv *stamps, struct probe *p,
                    struct error *e);
