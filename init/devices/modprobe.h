/* SPDX-License-Identifier: MIT */
/* The kernel's own requests for modules (a character set for vfat, a cipher): the initrd has no
 * modprobe, so the kernel is told to start init for them. */
#pragma once

/* Makes init the kernel's modprobe. */
void modprobe_install(void);

/* Gives the place back to what was there: stage 2 has a modprobe of its own. */
void modprobe_remove(void);

/* What init does when it is not PID 1: as modprobe, "-q -- ALIAS". Returns the exit status. */
int modprobe_main(int argc, char **argv);
