/* SPDX-License-Identifier: MIT */
/* A queue of bytes: appended at the end, dropped from the front. */
#pragma once

#include <stddef.h>

/* Zeroed it is empty. */
struct queue {
    unsigned char *bytes; /* owned */
    size_t start;         /* offset of the first byte in the queue */
    size_t end;           /* offset after the last one */
    size_t size;          /* bytes allocated */
};

/* Returns how many bytes are in the queue. */
size_t queue_length(const struct queue *queue);

/* Returns the first of them; valid until the next append. */
const unsigned char *queue_front(const struct queue *queue);

/* Appends copies of `count` bytes. */
void queue_append(struct queue *queue, const void *bytes, size_t count);

/* Removes the first `count` bytes, at most queue_length(). */
void queue_drop(struct queue *queue, size_t count);

void queue_free(struct queue *queue);
