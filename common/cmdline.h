/* SPDX-License-Identifier: MIT */
/* The kernel's command line, split into words by the kernel's own rules. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strv.h"

/* Longest command line of x86 kernels, with the zero byte at its end (COMMAND_LINE_SIZE). */
#define CMDLINE_SIZE 2048

struct cmdline_word {
    char *name;  /* owned */
    char *value; /* owned; NULL if the word has no '=' */
};

struct cmdline {
    struct cmdline_word *words; /* owned, in the order given */
    size_t count;
};

/* struct cmdline line CLEANUP_CMDLINE = {0}; */
#define CLEANUP_CMDLINE CLEANUP(cmdline_free)

/* Appends the words of `text` as next_arg() of the kernel's lib/cmdline.c splits them: white space
 * separates, double quotes protect it and are dropped around a word or a value, nothing escapes a
 * quote. Text after a word "--" is init's, not the kernel's: returns that part of `text`, "" if
 * there is none. Cannot fail. */
const char *cmdline_parse(struct cmdline *line, const char *text);

/* Appends one word; `value` may be NULL. */
void cmdline_add(struct cmdline *line, const char *name, const char *value);

/* Returns the word as cmdline_parse() reads it back, quoted if necessary; the caller frees. Returns
 * NULL with a message if the kernel's syntax cannot express it (a double quote, a newline). */
char *cmdline_quote(const char *name, const char *value, struct error *e);

void cmdline_free(struct cmdline *line);
