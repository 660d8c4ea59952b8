/* SPDX-License-Identifier: MIT */
#include "host/system/statusline.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/system/terminal.h"

#define DEFAULT_COLUMNS 80
#define PREFIX          "run-vm: "

static bool shown;

enum statusline_terminal statusline_terminal(void)
{
    const char *term = getenv("TERM");
    if (!isatty(STDERR_FILENO))
        return STATUSLINE_NONE;
    return term && *term && !streq(term, "dumb") ? STATUSLINE_LIVE : STATUSLINE_DUMB;
}

/* Returns the length in bytes of the first `characters` of `text`, or of all if it has fewer. */
static size_t prefix_length(const char *text, size_t characters)
{
    size_t length = 0;
    while (text[length]) {
        if (!text_continues_character(text[length]) && characters-- == 0)
            break;
        length++;
    }
    return length;
}

char *statusline_fit(const char *text, size_t columns)
{
    static const char dots[] = "...";
    if (!text[prefix_length(text, columns)])
        return xstrdup(text);
    size_t kept = columns > strlen(dots) ? columns - strlen(dots) : 0;
    return xasprintf("%.*s%.*s", (int)prefix_length(text, kept), text, (int)(columns - kept), dots);
}

/* Writes without waiting: a line that is out of date when the terminal has room is worth nothing.
 */
static void put(const char *text)
{
    int again CLEANUP_CLOSE = terminal_open_again(STDERR_FILENO);
    (void)!write(again >= 0 ? again : STDERR_FILENO, text, strlen(text));
}

size_t statusline_columns(void)
{
    struct winsize size = {0};
    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    size_t columns = size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
    /* the last column stays empty: a character there makes some terminals wrap */
    return columns > strlen(PREFIX) ? columns - strlen(PREFIX) - 1 : 0;
}

static void write_line(const char *text, const char *end)
{
    char *fitting CLEANUP_FREE = statusline_fit(text, statusline_columns());
    char *line CLEANUP_FREE = xasprintf("\r" PREFIX "%s\033[K%s", fitting, end);
    put(line);
}

void statusline_show(const char *text)
{
    if (statusline_terminal() != STATUSLINE_LIVE)
        return;
    write_line(text, "\r");
    shown = true;
}

void statusline_keep(const char *text)
{
    if (statusline_terminal() != STATUSLINE_LIVE)
        return;
    write_line(text, "\n");
    shown = false;
}

void statusline_clear(void)
{
    if (shown)
        put("\r\033[K");
    shown = false;
}
