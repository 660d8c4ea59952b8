/* SPDX-License-Identifier: MIT */
#include "base/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

size_t queue_length(const struct queue *queue)
{
    return queue->end - queue->start;
}

const unsigned char *queue_front(const struct queue *queue)
{
    return queue->bytes + queue->start;
}

void queue_append(struct queue *queue, const void *bytes, size_t count)
{
    if (count == 0)
        return;
    if (queue->size - queue->end < count && queue->start > 0) {
        queue->end -= queue->start;
        (void)memmove(queue->bytes, queue->bytes + queue->start, queue->end);
        queue->start = 0;
    }
    if (queue->size - queue->end < count) {
        queue->size = queue->end + count > 2 * queue->size ? queue->end + count : 2 * queue->size;
        queue->bytes = xreallocarray(queue->bytes, queue->size, 1);
    }
    (void)memcpy(queue->bytes + queue->end, bytes, count);
    queue->end += count;
}

void queue_drop(struct queue *queue, size_t count)
{
    queue->start += count;
    if (queue->start == queue->end)
        queue->start = queue->end = 0;
}

void queue_free(struct queue *queue)
{
    free(queue->bytes);
    *queue = (struct queue){0};
}
