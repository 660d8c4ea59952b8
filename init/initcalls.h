/* SPDX-License-Identifier: MIT */
/* The kernel's initcalls, of which it logs each one with "initcall_debug". */
#pragma once

/* Reports those of the kernel's log that took a millisecond or longer. */
void initcalls_report(void);
