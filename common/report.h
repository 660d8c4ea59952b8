/* SPDX-License-Identifier: MIT */
/* Protocol of init's boot report to run-vm, apart from the console: lines "WORD TEXT", TEXT for
 * people. The host ignores a word that it does not know. The guest's root can write such lines,
 * too. */
#pragma once

#define REPORT_FAILED "failed" /* the boot has ended as failed; TEXT is the reason */
#define REPORT_STARTED                                                                             \
    "started" /* stage 2 is about to start: what failed before no longer counts */

/* The host cuts a line off here. */
#define REPORT_LINE 1024

/* On x86 a debug console (QEMU's isa-debugcon) at an I/O port: it takes no driver, and so can tell
 * of the earliest failure. A read gives REPORT_READBACK where it is there. */
#define REPORT_PORT     0x4e9
#define REPORT_READBACK 0x76
