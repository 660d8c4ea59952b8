/* SPDX-License-Identifier: MIT */
/* The kernel's command line: its words, by the kernel's own rules. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strv.h"

/* What x86 kernels accept, with the terminating zero (COMMAND_LINE_SIZE). */
#define CMDLINE_SIZE 2048

struct cmdline_word {
    char *name;  /* owned */
    char *value; /* owned; NULL where the word has no '=' */
};

struct cmdline {
    struct cmdline_word *words; /* owned, in the order given */
    size_t count;
};

/* struct cmdline line CLEANUP_CMDLINE = {0}; */
#define CLEANUP_CMDLINE CLEANUP(cmdline_free)

/* Appends the words of `text` as next_arg() of the kernel's lib/cmdline.c splits them: white space
 * separates, double quotes protect it and are dropped around a word or a value, nothing escapes a
 * quote. What follows a word "--" is init's, not a parameter: it is returned, a part of
 * `text`, "" if there is none. Every text has a reading. */
const char *cmdline_parse(struct cmdline *line, const char *text);

/* Appends one word. */
void cmdline_add(struct cmdline *line, const char *name, const char *value);

/* The word as cmdline_parse() reads it back, quoted where it must be; the caller frees. NULL with
 * -EINVAL's message in `e` where the kernel's syntax cannot say it (a double quote, a newline). */
char *cmdline_quote(const char *name, const char *value, struct error *e);

void cmdline_free(struct cmdline *line);
