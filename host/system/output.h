/* SPDX-License-Identifier: MIT */
/* The standard output of run-vm: help, lists, dry runs. */
#pragma once

/* Opens /dev/null on each standard stream that the caller has closed, so that no file opened later
 * becomes one. To be called first. */
void output_hold_streams(void);

/* Flushes standard output. Returns 0 if everything printed has been written, else logs the reason
 * and returns the exit status. */
int output_finish(void);
