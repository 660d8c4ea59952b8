/* SPDX-License-Identifier: MIT */
/* What stage 2 expects to find in the root and in /run, beside the mounts. */
#pragma once

#include "base/strv.h"

/* Marks the root (an O_PATH descriptor) as NixOS (/etc/NIXOS, never truncated), makes /tmp 1777
 * and /boot. None of it is worth failing for: a root that cannot be written has to have what it
 * needs. */
void prepareroot_make_files(int root);

/* Enters directories of virtiofs shares behind which the host has another filesystem (vm.submount,
 * escaped as in fstab): the kernel mounts it, and from then on find and cp see a filesystem of its
 * own rather than a loop. One that has gone since the start is passed over. */
void prepareroot_enter_submounts(int root, const struct strv *paths);

/* Tells which block device the root is on: /dev/root for those who look at once, a rule in
 * /run/udev for when udev makes its links. Nothing for a root that is on none. */
void prepareroot_link_device(int root);

/* Gives /dev/pts to the group that the root calls "tty", where that is not NixOS's. */
void prepareroot_set_terminal_group(int root);
