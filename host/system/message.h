/* SPDX-License-Identifier: MIT */
/* The messages of run-vm on its standard error. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/log.h"

/* The maximum length of a value in a message, in bytes. */
#define MESSAGE_VALUE 60

/* The maximum length of a name, in bytes: more than any option has. */
#define MESSAGE_NAME 200

/* Copies a text, or its beginning and end around "..." if it is longer than `most` bytes. No UTF-8
 * character is split. The caller frees. */
char *message_clip(const char *text, size_t most);

/* Copies a text and writes everything that a terminal would act on, except newlines and tabs, in
 * the form "\\x1b": control characters, also of C1, and bytes that are not UTF-8. The caller frees.
 */
char *message_clean(const char *text);

/* Puts the word "error: " or "warning: ", bold and red or yellow, before a message of such a level,
 * unless that begins with the word. The caller frees. */
char *message_paint(enum log_level level, const char *message);

/* A log_sink: prints the message on a line that begins with the program's name, clipped if it is
 * huge, and cleaned; painted on a terminal, unless NO_COLOR is set or TERM is dumb. Blocks while
 * stderr is not being read, but gives up once a termination signal is pending. */
void message_print(enum log_level level, const char *message);

/* Logs the error. Returns the exit status that it calls for: its own, or else `status`. */
int message_report(const struct error *e, int status);
