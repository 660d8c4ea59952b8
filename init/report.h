/* SPDX-License-Identifier: MIT */
/* Reports the state of the boot to the host (common/report.h). */
#pragma once

/* Sends the line "WORD TEXT". Returns 0, also if no host listens, or a negative errno if the kernel
 * forbids it, as one in lockdown does. Allocates no memory. */
int report_send(const char *word, const char *text);

/* Sends the mark "WORD TIME KIND NAME" (REPORT_STEP and others); KIND may be "". The host shows
 * what the boot does, and for how long. */
void report_mark(const char *word, const char *kind, const char *name);

/* Sends REPORT_CLOCK: the counter began with the machine, the clock of the marks with the kernel.
 */
void report_clock(void);

/* Gives up the permission to use the port, which a program executed next would inherit. Another
 * report asks for it again. */
void report_close(void);
