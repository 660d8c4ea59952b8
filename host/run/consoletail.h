/* SPDX-License-Identifier: MIT */
/* The end of what a guest has printed, however much that was. */
#pragma once

#include <stddef.h>

#define TAIL_SIZE 65536

struct tail {
    char *ring;   /* owned, TAIL_SIZE bytes; NULL: nothing yet */
    size_t total; /* bytes that have been added */
};

void tail_add(struct tail *tail, const void *bytes, size_t count);

/* The last lines, at most `lines` of them, each with `prefix` before and a newline behind it. What
 * could do something to a terminal is left out, empty lines too. The caller frees. */
char *tail_text(const struct tail *tail, size_t lines, const char *prefix);

/* `length` bytes of anything as one line without what could do something to a terminal. The caller
 * frees. */
char *tail_clean(const void *bytes, size_t length);

void tail_free(struct tail *tail);
