/* SPDX-License-Identifier: MIT */
/* Reports the state of the boot to the host (common/report.h). */
#pragma once

/* Sends the line "WORD TEXT". Returns 0, also if no host listens, or a negative errno if the kernel
 * forbids it, as one in lockdown does. Allocates no memory. */
int report_send(const char *word, const char *text);
