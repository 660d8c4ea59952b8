/* SPDX-License-Identifier: MIT */
/* Protocol of init's boot report to run-vm, which travels apart from the console: lines "WORD
 * TEXT". The host ignores unknown words. Root in the guest can write such lines, too. */
#pragma once

#define REPORT_FAILED "failed" /* the boot has ended as failed; TEXT is the reason */

/* The marks, whose TEXT begins with the microseconds since the kernel's clock began. A part ends
 * with the next mark; a part without a name is none. */
#define REPORT_STARTED                                                                             \
    "started"                /* stage 2 is about to start: earlier failures no longer matter       \
                              */
#define REPORT_STEP  "step"  /* a step of init begins; the rest of TEXT is its name */
#define REPORT_PART  "part"  /* a part of the step begins: "mount /usr", "wait LABEL=disk" */
#define REPORT_CLOCK "clock" /* the rest of TEXT is the processor's time stamp counter */
/* An initcall of the kernel; TEXT is the time of its end, its microseconds and its name. */
#define REPORT_INITCALL "initcall"

/* Length at which init truncates a mark's name. */
#define REPORT_NAME 160

/* Length at which the host truncates a line. */
#define REPORT_LINE 1024

/* On x86 the report goes to a debug console (QEMU's isa-debugcon) at this I/O port, which needs no
 * driver, so that even the earliest failure is reported. Reading the port returns REPORT_READBACK
 * if the device exists. */
#define REPORT_PORT     0x4e9
#define REPORT_READBACK 0x76
