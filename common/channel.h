/* SPDX-License-Identifier: MIT */
/* One side of the channel of `run-vm --exec`, without its descriptors: the bytes to be sent, the
 * frames received, and the windows of the streams (see common/frame.h). The peer is not trusted:
 * its data can occupy no more memory than the windows allow. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/queue.h"
#include "common/frame.h"

enum stream_name {
    STREAM_INPUT,
    STREAM_OUTPUT,
    STREAM_ERRORS,
    STREAM_COUNT,
};

struct stream {
    bool ours;     /* this side sends it */
    size_t credit; /* bytes that may still be sent, or received */
    bool closed;   /* its receiver has stopped reading */
    bool ended;    /* its end has been sent or received */
    /* of a received stream */
    struct queue received;
    uint32_t taken; /* bytes taken but not yet acknowledged */
};

struct channel {
    struct frame_reader incoming;
    struct queue outgoing;
    struct stream streams[STREAM_COUNT];
};

enum channel_side { CHANNEL_HOST, CHANNEL_GUEST };

void channel_init(struct channel *channel, enum channel_side side);
void channel_free(struct channel *channel);

/* Appends a frame to `outgoing`. */
void channel_put(struct channel *channel, enum frame_type type, const void *payload, size_t length);

/* Returns how many bytes of a stream may be sent now: 0 while its window is full, while enough
 * waits to be sent, or after its receiver has closed it. */
size_t channel_room(const struct channel *channel, enum stream_name name);

/* Sends `count` bytes of a stream, at most channel_room(); 0 bytes end it. */
void channel_send(struct channel *channel, enum stream_name name, const void *bytes, size_t count);

/* True if more should be read from the peer. False while so much waits to be sent that the peer
 * must have stopped reading: answers to its frames would pile up. */
bool channel_listens(const struct channel *channel);

/* Gets the next frame that does not concern the streams; those that do are handled here. Returns 1
 * and the frame, valid until the next call; 0 if more bytes are needed; -EPROTO if the peer
 * violates the protocol. */
int channel_next(struct channel *channel, struct frame *frame, struct error *e);

/* Removes `count` bytes, which have been passed on, from a received stream. */
void channel_take(struct channel *channel, enum stream_name name, size_t count);

/* Stops receiving a stream: drops its data and informs the peer. */
void channel_close(struct channel *channel, enum stream_name name);
