/* SPDX-License-Identifier: MIT */
/* One side of the channel of `run-vm --exec`, without its descriptors: the bytes that have to go
 * out, the frames that have come in, and the windows of the streams (see common/frame.h). What the
 * other side sends is never trusted: it can fill no more memory than the windows. */
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
    bool ours;     /* we send it */
    size_t credit; /* ours: how many bytes may go; else: how many may come */
    bool closed;   /* nobody reads it any more */
    bool ended;    /* its end has been sent, or has come */
    /* of a stream that we receive */
    struct queue received;
    uint32_t taken; /* how much has been taken from it without telling the other side */
};

struct channel {
    struct frame_reader incoming;
    struct queue outgoing;
    struct stream streams[STREAM_COUNT];
};

enum channel_side { CHANNEL_HOST, CHANNEL_GUEST };

void channel_init(struct channel *channel, enum channel_side side);
void channel_free(struct channel *channel);

/* Puts a frame into `outgoing`. */
void channel_put(struct channel *channel, enum frame_type type, const void *payload, size_t length);

/* How many bytes of a stream of ours may go now; 0 also while enough waits to go out, or nobody
 * wants them. */
size_t channel_room(const struct channel *channel, enum stream_name name);

/* Sends as many as channel_room() allows; 0 of them: the stream's end. */
void channel_send(struct channel *channel, enum stream_name name, const void *bytes, size_t count);

/* Whether to read on. Not where so much waits to go out that the other side must have stopped
 * reading: answers to what it sends would pile up. */
bool channel_listens(const struct channel *channel);

/* The next frame that is not about the streams, whose frames take effect by themselves. 1 and the
 * frame, valid until the next call; 0 where more bytes are needed; -EPROTO where the other side
 * does not keep to the rules. */
int channel_next(struct channel *channel, struct frame *frame, struct error *e);

/* `count` bytes of a received stream have been passed on. */
void channel_take(struct channel *channel, enum stream_name name, size_t count);

/* Nobody reads that received stream any more: what is there goes, and the other side is told. */
void channel_close(struct channel *channel, enum stream_name name);
