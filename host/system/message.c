/* SPDX-License-Identifier: MIT */
#include "host/system/message.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/system/signals.h"
#include "host/system/statusline.h"
#include "host/system/terminal.h"

/* Time that a reader has after run-vm was asked to end, in milliseconds. */
#define PATIENCE 500

/* The maximum length of a message in bytes; parts of it may come from the user unclipped. */
#define MESSAGE_LIMIT 4096

/* Switches line wrapping on (DECAWM). */
#define WRAP_ON "\033[?7h"

static bool can_write(int fd)
{
    struct pollfd polled[] = {{fd, POLLOUT, 0}, {signals_fd(), POLLIN, 0}};
    int ready = 0;
    if (!signals_taken())
        while ((ready = poll(polled, ELEMENTS(polled), -1)) < 0 && errno == EINTR)
            ;
    if (!polled[0].revents) /* a signal has come, now or before */
        ready = poll(polled, 1, PATIENCE);
    return ready > 0 && polled[0].revents & POLLOUT;
}

/* Waits before the next attempt to write to a terminal. poll() reports one writable that has room
 * for one character, but a newline takes two. Returns false if run-vm has been asked to end. */
static bool pause_for_reader(void)
{
    struct pollfd signals = {signals_fd(), POLLIN, 0};
    return !signals_taken() && poll(&signals, 1, PATIENCE) == 0;
}

char *message_clip(const char *text, size_t most)
{
    static const char dots[] = "...";
    size_t length = strlen(text);
    if (length <= most)
        return xstrdup(text);
    size_t tail = (most - strlen(dots)) / 3;
    size_t head = most - strlen(dots) - tail;
    while (head > 0 && text_continues_character(text[head]))
        head--;
    while (tail > 0 && text_continues_character(text[length - tail]))
        tail--;
    return xasprintf("%.*s%s%s", (int)head, text, dots, text + length - tail);
}

/* Returns the length of the UTF-8 character at `text`; 0 if it must not be printed as it is. */
static size_t plain_length(const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 1)
        return first == '\n' || first == '\t' || (first >= ' ' && first != 0x7f);
    if (first > 0xf4 || (first == 0xc2 && (unsigned char)text[1] < 0xa0))
        return 0; /* not UTF-8, or C1 */
    for (size_t i = 1; i < length; i++)
        if (!text_continues_character(text[i]))
            return 0;
    return length;
}

char *message_clean(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    char *clean = xcalloc(4 * strlen(text) + 1, 1);
    char *to = clean;
    while (*text) {
        size_t length = plain_length(text);
        unsigned char byte = (unsigned char)*text;
        if (length) {
            to = mempcpy(to, text, length);
        } else {
            to = stpcpy(to, "\\x");
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
            length = 1;
        }
        text += length;
    }
    return clean;
}

static bool wants_colour(void)
{
    const char *none = getenv("NO_COLOR");
    return !(none && *none) && statusline_terminal() == STATUSLINE_LIVE;
}

static const struct {
    const char *word;
    const char *start; /* bold, and red or yellow */
} paints[] = {
    [LOG_LEVEL_ERROR] = {"error: ", "\033[1;31m"},
    [LOG_LEVEL_WARNING] = {"warning: ", "\033[1;33m"},
};

char *message_paint(enum log_level level, const char *message)
{
    if ((size_t)level >= ELEMENTS(paints) || !paints[level].word)
        return xstrdup(message);
    const char *word = paints[level].word;
    const char *rest = startswith(message, word);
    return xasprintf("%s%s\033[0m%s", paints[level].start, word, rest ? rest : message);
}

/* Returns what is printed for a message: on a terminal it wraps, whatever the guest's firmware has
 * made of that. The caller frees. */
static char *make_line(enum log_level level, const char *message)
{
    char *shown CLEANUP_FREE = message_clip(message, MESSAGE_LIMIT);
    char *clean CLEANUP_FREE = message_clean(shown);
    char *painted CLEANUP_FREE = wants_colour() ? message_paint(level, clean) : xstrdup(clean);
    bool live = statusline_terminal() == STATUSLINE_LIVE;
    return xasprintf("%srun-vm: %s\n", live ? WRAP_ON : "", painted);
}

void message_print(enum log_level level, const char *message)
{
    statusline_clear();
    char *line CLEANUP_FREE = make_line(level, message);
    int again CLEANUP_CLOSE = terminal_open_again(STDERR_FILENO);
    int fd = again >= 0 ? again : STDERR_FILENO;
    size_t left = strlen(line);
    for (const char *from = line; left > 0 && can_write(fd);) {
        ssize_t put = write(fd, from, left < PIPE_BUF ? left : PIPE_BUF);
        if (put < 0 && errno != EINTR && !(errno == EAGAIN && pause_for_reader()))
            return;
        from += put > 0 ? put : 0;
        left -= put > 0 ? (size_t)put : 0;
    }
}

int message_report(const struct error *e, int status)
{
    log_error("%s", e->message ? e->message : "failed");
    return e->status ? e->status : status;
}
