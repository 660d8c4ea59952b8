/* SPDX-License-Identifier: MIT */
/* The orderly end of a machine that PID 1 still is the only program of. */
#pragma once

/* Kills what runs, unmounts what can be, leaves the rest read-only and everything on the disks,
 * and switches the machine off. */
_Noreturn void poweroff(void);
