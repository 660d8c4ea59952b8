/* SPDX-License-Identifier: MIT */
/* Protocol of init's boot report to run-vm, which travels apart from the console: lines "WORD
 * TEXT", of which TEXT is for people. The host ignores unknown words. Root in the guest can write
 * such lines, too. */
#pragma once

#define REPORT_FAILED "failed" /* the boot has ended as failed; TEXT is the reason */
#define REPORT_STARTED                                                                             \
    "started" /* stage 2 is about to start: earlier failures no longer matter                      \
               */

/* Length at which the host truncates a line. */
#define REPORT_LINE 1024

/* On x86 the report goes to a debug console (QEMU's isa-debugcon) at this I/O port, which needs no
 * driver, so that even the earliest failure is reported. Reading the port returns REPORT_READBACK
 * if the device exists. */
#define REPORT_PORT     0x4e9
#define REPORT_READBACK 0x76
