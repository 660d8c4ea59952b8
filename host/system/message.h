/* SPDX-License-Identifier: MIT */
/* What run-vm says on its standard error. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

/* The most of a value that a message shows. */
#define MESSAGE_VALUE 60

/* The most of a name, more than that of any option. */
#define MESSAGE_NAME 200

/* The text where it has at most `most` bytes; else its beginning and its end with "..." between
 * them, in no more than that. No character of several bytes is cut. The caller frees. */
char *message_clip(const char *text, size_t most);

/* The text with whatever could do something to a terminal, but for line ends and tabs, written as
 * "\\x1b": control characters, those of C1 too, and bytes that are not UTF-8. The caller frees. */
char *message_clean(const char *text);

/* For log_set_sink(): the message in a line of its own, behind the program's name; one that is huge
 * is clipped, and none does anything to a terminal. While nobody reads standard error it waits, but
 * not past a signal that asks run-vm to end: who sends one wants the end more than the message. */
void message_print(enum log_level level, const char *message);

/* Logs the error. Returns the exit status that it calls for: its own, or else `status`. */
int message_report(const struct error *e, int status);
