/* SPDX-License-Identifier: MIT */
/* Standard output of run-vm: help, lists, dry runs. */
#pragma once

/* Puts /dev/null in the place of a standard stream that the caller has closed, so that nothing that
 * is opened later gets it. First of all. */
void output_hold_streams(void);

/* Whether all that was printed on standard output has got there: 0, or the exit status after a
 * message. */
int output_finish(void);
