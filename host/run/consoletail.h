/* SPDX-License-Identifier: MIT */
/* The end of what a guest has printed, however much that was. */
#pragma once

#include <stddef.h>

#define CONSOLETAIL_SIZE 65536

struct consoletail {
    char *ring;   /* owned, CONSOLETAIL_SIZE bytes; NULL: nothing yet */
    size_t total; /* bytes that have been added */
};

void consoletail_add(struct consoletail *tail, const void *bytes, size_t count);

/* The last lines, at most `lines` of them, each with `prefix` before and a newline behind it. What
 * could do something to a terminal is left out, empty lines too. The caller frees. */
char *consoletail_text(const struct consoletail *tail, size_t lines, const char *prefix);

/* `length` bytes of anything as one line without what could do something to a terminal. The caller
 * frees. */
char *consoletail_clean(const void *bytes, size_t length);

void consoletail_free(struct consoletail *tail);
