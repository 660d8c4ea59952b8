/* SPDX-License-Identifier: MIT */
/* Keeps the end of a guest's output, however long that is. */
#pragma once

#include <stddef.h>

#define CONSOLETAIL_SIZE 65536

struct consoletail {
    char *ring;   /* owned, CONSOLETAIL_SIZE bytes; NULL: nothing was added */
    size_t total; /* the number of bytes added */
};

void consoletail_add(struct consoletail *tail, const void *bytes, size_t count);

/* Adds what can be read from the descriptor, which poll() reports readable; it is closed at its
 * end. */
void consoletail_read(struct consoletail *tail, int *fd);

/* Adds what is left to be read from the descriptor, without waiting for more; -1: nothing. */
void consoletail_drain(struct consoletail *tail, int *fd);

/* Returns the last lines, at most `lines` of them, each after `prefix` and with a newline. Leaves
 * out empty lines and everything that a terminal would act on. The caller frees. */
char *consoletail_text(const struct consoletail *tail, size_t lines, const char *prefix);

/* Returns the last line, without a newline; "" if there is none. The caller frees. */
char *consoletail_last_line(const struct consoletail *tail);

/* Returns `length` bytes as one line, without anything that a terminal would act on. The caller
 * frees. */
char *consoletail_clean(const void *bytes, size_t length);

void consoletail_free(struct consoletail *tail);
