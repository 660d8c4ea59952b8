/* SPDX-License-Identifier: MIT */
/* Receives the boot report of the guest's init (common/report.h), while QEMU runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "common/report.h"

struct bootreport {
    int listener;   /* until QEMU has connected; -1 */
    int connection; /* -1: none (any more) */
    char line[REPORT_LINE];
    size_t length;
    bool failed;  /* the boot, and none after it has come to stage 2 */
    char *reason; /* of that, one line without what could do something to a terminal */
};

/* Listens for QEMU at `path`; NULL: nobody reports anything. 0, or a negative errno with the
 * reason. */
int bootreport_open(struct bootreport *report, const char *path, struct error *e);

/* The descriptor to wait for; -1: none. */
int bootreport_fd(const struct bootreport *report);

/* Reads what has come, without waiting for more. False: nothing had. */
bool bootreport_attend(struct bootreport *report);

#define CLEANUP_BOOTREPORT CLEANUP(bootreport_close)
void bootreport_close(struct bootreport *report);
