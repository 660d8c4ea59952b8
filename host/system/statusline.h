/* SPDX-License-Identifier: MIT */
/* The line on the terminal of standard error that is rewritten in place: progress, the steps of a
 * boot. Every message clears it first. */
#pragma once

#include <stddef.h>

enum statusline_terminal {
    STATUSLINE_NONE, /* standard error is a file or a pipe */
    STATUSLINE_DUMB, /* a terminal that only prints: TERM is unset, empty or "dumb" */
    STATUSLINE_LIVE,
};

enum statusline_terminal statusline_terminal(void);

/* Replaces the line by "run-vm: " and `text`, cut to the terminal's width. Does nothing unless the
 * terminal is live. The cursor waits at the beginning of the line, for output of others. */
void statusline_show(const char *text);

/* Returns the columns that a text has in the line. */
size_t statusline_columns(void);

/* Shows the text, and leaves it on the terminal: the next output is below it. */
void statusline_keep(const char *text);

/* Clears the line, if there is one. */
void statusline_clear(void);

/* Returns as much of `text` as fits into `columns`, with "..." at its end if it does not. Each
 * character counts as one column. The caller frees. */
char *statusline_fit(const char *text, size_t columns);
