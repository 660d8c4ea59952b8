/* SPDX-License-Identifier: MIT */
/* The orderly shutdown of a machine without a stage 2. */
#pragma once

/* Kills all processes, writes everything to the disks, unmounts the filesystems or makes them
 * read-only, and switches the machine off. */
_Noreturn void poweroff(void);
