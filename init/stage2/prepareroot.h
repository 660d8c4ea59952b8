/* SPDX-License-Identifier: MIT */
/* Makes what stage 2 expects in the root and in /run, besides the mounts. The functions log
 * failures, since a boot can continue after each of them. */
#pragma once

#include "base/strv.h"

/* Makes /tmp with mode 1777, and /boot in the root (an O_PATH descriptor), and /etc/NIXOS (never
 * truncated) in NixOS's: one with a store, in which stage 2 is named (`init`, or NULL) or a system
 * is the profile. Ignores a read-only root, which must have what it needs. */
void prepareroot_make_files(int root, const char *init);

/* Copies the symlinks in the root's directory, such as /lib, to the upper layer of a root that is
 * an overlay on a tmpfs. Every program's start resolves them, and on a 9p share each time is a
 * request to the host: that filesystem caches no symlink. */
void prepareroot_copy_links(int root);

/* Opens directories of virtiofs shares at which the host has another filesystem mounted
 * (vm.submount, escaped as in fstab): the kernel then mounts it in the guest too, so that find and
 * cp see a separate filesystem rather than a loop. Ignores a directory that no longer exists. */
void prepareroot_enter_submounts(int root, const struct strv *paths);

/* Makes the symlink /dev/root to the root's block device, and a rule in /run/udev that lets udev
 * keep it. Does nothing for a root without a block device. */
void prepareroot_link_device(int root);

/* Gives /dev/pts to the root's group "tty", unless its number is NixOS's. */
void prepareroot_set_terminal_group(int root);

/* Makes /dev/fd, /dev/stdin, /dev/stdout and /dev/stderr, as stage 2 does where there is one. */
void prepareroot_link_streams(void);
