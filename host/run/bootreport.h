/* SPDX-License-Identifier: MIT */
/* Receives the boot report of the guest's init (common/report.h), while QEMU runs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

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

/* Listens for QEMU at `path`; NULL: no report is expected. Returns 0, or a negative errno with the
 * reason. */
int bootreport_open(struct bootreport *report, const char *path, struct error *e);

/* Returns the descriptor to poll for input; -1: none. */
int bootreport_fd(const struct bootreport *report);

/* Reads the input that there is, without waiting. Returns false if there was none. */
bool bootreport_attend(struct bootreport *report);

#define CLEANUP_BOOTREPORT CLEANUP(bootreport_close)
void bootreport_close(struct bootreport *report);
