/* SPDX-License-Identifier: MIT */
#include "init/report.h"

#include <stddef.h>

#include "common/report.h"

#if defined(__x86_64__) || defined(__i386__)

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <x86intrin.h>

#include "base/clock.h"

static bool permitted;

/* Changes the permission to use the port only when needed: the kernel copies a bitmap of all ports
 * each time. */
static int permit(bool permission)
{
    if (permission != permitted && ioperm(REPORT_PORT, 1, permission) < 0)
        return -errno;
    permitted = permission;
    return 0;
}

/* Writes by one string instruction, on which KVM leaves the guest once, not once a byte. */
static int send_line(char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[length] = '\n';
    int r = permit(true);
    if (r == 0 && inb(REPORT_PORT) == REPORT_READBACK)
        outsb(REPORT_PORT, line, length + 1);
    return r;
}

int report_send(const char *word, const char *text)
{
    char line[REPORT_LINE + 1];
    char *end = stpcpy(line, word);
    *end++ = ' ';
    end = stpncpy(end, text, (size_t)(line + REPORT_LINE - end));
    return send_line(line, (size_t)(end - line));
}

void report_mark(const char *word, const char *kind, const char *name)
{
    char text[REPORT_NAME + 32];
    (void)snprintf(text, sizeof text, "%" PRId64 " %s%s%.*s", clock_microseconds(), kind,
                   *kind ? " " : "", REPORT_NAME, name);
    (void)report_send(word, text);
}

void report_clock(void)
{
    char counter[24];
    (void)snprintf(counter, sizeof counter, "%llu", __rdtsc());
    report_mark(REPORT_CLOCK, "", counter);
}

void report_close(void)
{
    (void)permit(false);
}

#else

int report_send(const char *word, const char *text)
{
    (void)word;
    (void)text;
    return 0;
}

void report_mark(const char *word, const char *kind, const char *name)
{
    (void)word;
    (void)kind;
    (void)name;
}

void report_clock(void)
{
}

void report_close(void)
{
}

#endif
