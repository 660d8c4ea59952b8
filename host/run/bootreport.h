/* SPDX-License-Identifier: MIT */
/* Receives the boot report of the guest's init (common/report.h), while QEMU runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "common/report.h"

struct bootreport {
    int listener;   /* until QEMU has connected; -1 */
    int connection; /* -1: none, or closed */
    char line[REPORT_LINE];
    size_t length;
    bool failed;  /* a boot failed, and none after it has reached stage 2 */
    char *reason; /* of the failure: one line, without anything that a terminal would act on */
};

/* A mark of the guest's boot, as it arrives. */
enum bootmark_kind {
    BOOTMARK_STEP,    /* a step of init begins */
    BOOTMARK_PART,    /* a part of it begins: "module ext4", "wait LABEL=disk", "mount /usr"; or the
                       * last one ends: "" */
    BOOTMARK_STARTED, /* stage 2, or the command of --exec, is about to start; no text */
    BOOTMARK_CLOCK,   /* the text is the processor's time stamp counter */
    BOOTMARK_INITCALL, /* an initcall of the kernel has ended: its microseconds and its name */
    BOOTMARK_FAILED,   /* the boot has failed; the text is the reason */
};

struct bootmark {
    enum bootmark_kind kind;
    int64_t guest;    /* microseconds since the guest kernel's clock began; -1: unknown */
    int64_t host;     /* clock_microseconds() on arrival */
    const char *text; /* one line, without anything that a terminal would act on */
};

typedef void bootreport_observer(void *context, const struct bootmark *mark);

/* Calls `observer` for each mark of any report from now on; at most four. */
void bootreport_observe(bootreport_observer *observer, void *context);

/* Ends the calls of the observer with this context. */
void bootreport_ignore(const void *context);

/* Listens for QEMU at `path`; NULL: no report is expected. Returns 0, or a negative errno with the
 * reason. */
int bootreport_open(struct bootreport *report, const char *path, struct error *e);

/* Returns the descriptor to poll for input; -1: none. */
int bootreport_fd(const struct bootreport *report);

/* Reads the input that there is, without waiting. Returns false if there was none. */
bool bootreport_attend(struct bootreport *report);

#define CLEANUP_BOOTREPORT CLEANUP(bootreport_close)
void bootreport_close(struct bootreport *report);
