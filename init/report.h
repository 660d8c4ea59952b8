/* SPDX-License-Identifier: MIT */
/* Reports the boot to the host (common/report.h). */
#pragma once

/* Sends a line. 0 also where there is nobody to tell; a negative errno where the kernel keeps us
 * from it, as one in lockdown does. Allocates no memory. */
int report_send(const char *word, const char *text);
