/* SPDX-License-Identifier: MIT */
#include "host/run/bootreport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "host/run/consoletail.h"
#include "host/system/unixsocket.h"

/* --- observers --- */

static struct {
    bootreport_observer *call;
    void *context;
} observers[4];

void bootreport_observe(bootreport_observer *observer, void *context)
{
    for (size_t i = 0; i < ELEMENTS(observers); i++)
        if (!observers[i].call) {
            observers[i].call = observer;
            observers[i].context = context;
            return;
        }
}

void bootreport_ignore(const void *context)
{
    for (size_t i = 0; i < ELEMENTS(observers); i++)
        if (observers[i].context == context)
            observers[i].call = NULL;
}

static void tell(enum bootmark_kind kind, int64_t guest, const char *text)
{
    const struct bootmark mark = {
        .kind = kind, .guest = guest, .host = clock_microseconds(), .text = text};
    for (size_t i = 0; i < ELEMENTS(observers); i++)
        if (observers[i].call)
            observers[i].call(observers[i].context, &mark);
}

/* --- lines --- */

/* Tells the observers of a mark, whose text is "TIME REST". */
static void tell_mark(enum bootmark_kind kind, const char *text, size_t length)
{
    char *clean CLEANUP_FREE = consoletail_clean(text, length);
    char *end = clean;
    bool timed = *clean >= '0' && *clean <= '9';
    long long time = timed ? strtoll(clean, &end, 10) : -1;
    tell(kind, time, end + strspn(end, " "));
}

static void note_failure(struct bootreport *report, enum bootmark_kind kind, const char *text,
                         size_t length)
{
    free(report->reason);
    report->reason = consoletail_clean(text, length);
    report->failed = true;
    tell(kind, -1, report->reason);
}

static void note_start(struct bootreport *report, enum bootmark_kind kind, const char *text,
                       size_t length)
{
    report->failed = false;
    tell_mark(kind, text, length);
}

static void note_mark(struct bootreport *report, enum bootmark_kind kind, const char *text,
                      size_t length)
{
    (void)report;
    tell_mark(kind, text, length);
}

static const struct {
    const char *word;
    enum bootmark_kind kind;
    void (*note)(struct bootreport *report, enum bootmark_kind kind, const char *text,
                 size_t length);
} words[] = {
    {REPORT_FAILED " ", BOOTMARK_FAILED, note_failure},
    {REPORT_STARTED " ", BOOTMARK_STARTED, note_start},
    {REPORT_STEP " ", BOOTMARK_STEP, note_mark},
    {REPORT_PART " ", BOOTMARK_PART, note_mark},
    {REPORT_CLOCK " ", BOOTMARK_CLOCK, note_mark},
    {REPORT_INITCALL " ", BOOTMARK_INITCALL, note_mark},
};

static void end_line(struct bootreport *report)
{
    for (size_t i = 0; i < ELEMENTS(words); i++) {
        size_t word = strlen(words[i].word);
        if (report->length >= word && !memcmp(report->line, words[i].word, word))
            words[i].note(report, words[i].kind, report->line + word, report->length - word);
    }
    report->length = 0;
}

int bootreport_open(struct bootreport *report, const char *path, struct error *e)
{
    *report = (struct bootreport){.listener = -1, .connection = -1};
    if (path)
        report->listener = unixsocket_listen(path, e);
    return path && report->listener < 0 ? report->listener : 0;
}

int bootreport_fd(const struct bootreport *report)
{
    return report->connection >= 0 ? report->connection : report->listener;
}

bool bootreport_attend(struct bootreport *report)
{
    char bytes[4096];
    if (report->connection < 0) {
        if (report->listener >= 0)
            report->connection =
                accept4(report->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (report->connection >= 0)
            cleanup_close(&report->listener);
        return report->connection >= 0;
    }
    ssize_t got = recv(report->connection, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < got; i++)
        if (bytes[i] == '\n')
            end_line(report);
        else if (report->length < sizeof report->line)
            report->line[report->length++] = bytes[i];
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        cleanup_close(&report->connection); /* QEMU exits */
    return got > 0;
}

void bootreport_close(struct bootreport *report)
{
    cleanup_close(&report->listener);
    cleanup_close(&report->connection);
    free(report->reason);
    report->reason = NULL;
}
