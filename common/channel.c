/* SPDX-License-Identifier: MIT */
#include "common/channel.h"

#include <errno.h>
#include <string.h>

/* No more of a stream is queued while this many bytes wait to be sent. */
#define ENOUGH_OUTGOING 65536

/* Limit of the send queue. A peer that reads can have at most one chunk of a stream and the
 * acknowledgements of its own data outstanding; allow twice that. */
#define TOO_MUCH_OUTGOING ((size_t)2 * (ENOUGH_OUTGOING + FRAME_MAX))

/* Acknowledge in batches of this size: an acknowledgement of every small read would be more traffic
 * than the data. */
#define WORTH_TELLING (FRAME_WINDOW / 4)

static const enum frame_type stream_types[STREAM_COUNT] = {
    [STREAM_INPUT] = FRAME_INPUT,
    [STREAM_OUTPUT] = FRAME_OUTPUT,
    [STREAM_ERRORS] = FRAME_ERRORS,
};

void channel_init(struct channel *channel, enum channel_side side)
{
    *channel = (struct channel){0};
    for (int i = 0; i < STREAM_COUNT; i++) {
        channel->streams[i].ours = (i == STREAM_INPUT) == (side == CHANNEL_HOST);
        channel->streams[i].credit = FRAME_WINDOW;
    }
}

void channel_free(struct channel *channel)
{
    frame_reader_free(&channel->incoming);
    queue_free(&channel->outgoing);
    for (int i = 0; i < STREAM_COUNT; i++)
        queue_free(&channel->streams[i].received);
}

void channel_put(struct channel *channel, enum frame_type type, const void *payload, size_t length)
{
    unsigned char header[FRAME_HEADER];
    frame_header(header, type, length);
    queue_append(&channel->outgoing, header, sizeof header);
    queue_append(&channel->outgoing, payload, length);
}

size_t channel_room(const struct channel *channel, enum stream_name name)
{
    const struct stream *stream = &channel->streams[name];
    if (stream->closed || stream->ended || queue_length(&channel->outgoing) >= ENOUGH_OUTGOING)
        return 0;
    return stream->credit < FRAME_MAX ? stream->credit : FRAME_MAX;
}

void channel_send(struct channel *channel, enum stream_name name, const void *bytes, size_t count)
{
    struct stream *stream = &channel->streams[name];
    if (stream->ended)
        return;
    channel_put(channel, stream_types[name], bytes, count);
    stream->credit -= count;
    stream->ended = count == 0;
}

bool channel_listens(const struct channel *channel)
{
    return queue_length(&channel->outgoing) < TOO_MUCH_OUTGOING;
}

/* Acknowledges what was taken, if it is enough: the peer may then send as much again. */
static void acknowledge(struct channel *channel, enum stream_name name)
{
    struct stream *stream = &channel->streams[name];
    if (stream->taken < WORTH_TELLING)
        return;
    unsigned char payload[FRAME_TAKEN_LENGTH];
    frame_put_taken(payload, stream_types[name], stream->taken);
    channel_put(channel, FRAME_TAKEN, payload, sizeof payload);
    stream->credit += stream->taken;
    stream->taken = 0;
}

static void count_taken(struct channel *channel, enum stream_name name, size_t count)
{
    channel->streams[name].taken += (uint32_t)count;
    acknowledge(channel, name);
}

void channel_take(struct channel *channel, enum stream_name name, size_t count)
{
    queue_drop(&channel->streams[name].received, count);
    count_taken(channel, name, count);
}

void channel_close(struct channel *channel, enum stream_name name)
{
    struct stream *stream = &channel->streams[name];
    if (stream->closed)
        return;
    stream->closed = true;
    unsigned char type = (unsigned char)stream_types[name];
    if (!stream->ended)
        channel_put(channel, FRAME_CLOSED, &type, sizeof type);
    channel_take(channel, name, queue_length(&stream->received));
}

/* Returns the stream of a frame type, or STREAM_COUNT. */
static enum stream_name stream_of(enum frame_type type)
{
    int i = 0;
    while (i < STREAM_COUNT && stream_types[i] != type)
        i++;
    return (enum stream_name)i;
}

static int broken(struct error *e, const char *how)
{
    return error_set(e, -EPROTO, "%s: the other side %s", FRAME_PORT, how);
}

static int receive_data(struct channel *channel, enum stream_name name, const struct frame *frame,
                        struct error *e)
{
    struct stream *stream = &channel->streams[name];
    if (stream->ours || stream->ended)
        return broken(e, "sends a stream that is not its own or has ended");
    if (frame->length > stream->credit)
        return broken(e, "sends more of a stream than it may");
    stream->credit -= frame->length;
    stream->ended = frame->length == 0;
    if (stream->closed)
        count_taken(channel, name, frame->length);
    else
        queue_append(&stream->received, frame->payload, frame->length);
    return 0;
}

static int receive_taken(struct channel *channel, const struct frame *frame, struct error *e)
{
    enum frame_type type;
    uint32_t count;
    if (frame_get_taken(frame, &type, &count) < 0)
        return broken(e, "sends an acknowledgement of the wrong length");
    enum stream_name name = stream_of(type);
    if (name == STREAM_COUNT || !channel->streams[name].ours ||
        count > FRAME_WINDOW - channel->streams[name].credit)
        return broken(e, "acknowledges what was not sent");
    channel->streams[name].credit += count;
    return 0;
}

static int receive_closed(struct channel *channel, const struct frame *frame, struct error *e)
{
    enum stream_name name =
        frame->length == 1 ? stream_of((enum frame_type)frame->payload[0]) : STREAM_COUNT;
    if (name == STREAM_COUNT || !channel->streams[name].ours)
        return broken(e, "closes a stream that it does not receive");
    channel->streams[name].closed = true;
    return 0;
}

int channel_next(struct channel *channel, struct frame *frame, struct error *e)
{
    for (;;) {
        int r = frame_reader_next(&channel->incoming, frame, e);
        if (r <= 0)
            return r;
        enum stream_name name = stream_of(frame->type);
        if (name != STREAM_COUNT)
            r = receive_data(channel, name, frame, e);
        else if (frame->type == FRAME_TAKEN)
            r = receive_taken(channel, frame, e);
        else if (frame->type == FRAME_CLOSED)
            r = receive_closed(channel, frame, e);
        else
            return 1;
        if (r < 0)
            return r;
    }
}
