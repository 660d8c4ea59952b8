/* SPDX-License-Identifier: MIT */
#include "init/report.h"

#include <stddef.h>

#include "common/report.h"

#if defined(__x86_64__) || defined(__i386__)

#include <errno.h>
#include <sys/io.h>

static void put(const char *text)
{
    for (size_t i = 0; text[i] && i < REPORT_LINE; i++)
        outb(text[i] == '\n' ? ' ' : (unsigned char)text[i], REPORT_PORT);
}

int report_send(const char *word, const char *text)
{
    if (ioperm(REPORT_PORT, 1, 1) < 0)
        return -errno;
    if (inb(REPORT_PORT) == REPORT_READBACK) {
        put(word);
        outb(' ', REPORT_PORT);
        put(text);
        outb('\n', REPORT_PORT);
    }
    (void)ioperm(REPORT_PORT, 1, 0); /* stage 2 would inherit the permission */
    return 0;
}

#else

int report_send(const char *word, const char *text)
{
    (void)word;
    (void)text;
    return 0;
}

#endif
