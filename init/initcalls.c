/* SPDX-License-Identifier: MIT */
#include "init/initcalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "common/report.h"
#include "init/report.h"

/* Shorter ones are left out, in microseconds: there are a thousand. */
#define SHORTEST 1000

/* Reports a record "PRIORITY,NUMBER,TIME,FLAGS;initcall NAME+OFFSET returned RESULT after DURATION
 * usecs", if it is one. The record's time is the call's end. */
static void report_record(char *record)
{
    const char *time = strchr(record, ',');
    time = time ? strchr(time + 1, ',') : NULL;
    char *text = strchr(record, ';');
    const char *name = text ? startswith(text + 1, "initcall ") : NULL;
    const char *after = name ? strstr(name, " after ") : NULL;
    long duration = after ? strtol(after + strlen(" after "), NULL, 10) : 0;
    if (!time || duration < SHORTEST)
        return;
    size_t length = strcspn(name, "+ ");
    char line[REPORT_NAME + 64];
    (void)snprintf(line, sizeof line, "%llu %ld %.*s", strtoull(time + 1, NULL, 10), duration,
                   (int)(length < REPORT_NAME ? length : REPORT_NAME), name);
    (void)report_send(REPORT_INITCALL, line);
}

void initcalls_report(void)
{
    char record[8192]; /* the kernel's limit */
    int fd CLEANUP_CLOSE = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t length;
    while (fd >= 0 && (length = read(fd, record, sizeof record - 1)) > 0) {
        record[length] = '\0';
        report_record(record);
    }
}
