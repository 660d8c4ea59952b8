/* SPDX-License-Identifier: MIT */
/* init as the kernel's modprobe: the initrd has no modprobe, but the kernel requests modules (a
 * character set for vfat, a cipher). */
#pragma once

/* Makes init the program that the kernel starts to load a module. */
void modprobe_install(void);

/* Restores the kernel's setting: stage 2 has a modprobe. */
void modprobe_remove(void);

/* Acts as modprobe, with the kernel's arguments "-q -- ALIAS": for init when it is not PID 1.
 * Returns the exit status. */
int modprobe_main(int argc, char **argv);
