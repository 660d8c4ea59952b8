/* SPDX-License-Identifier: MIT */
#include "common/frame.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

/* Numbers that are frame types; anything else is not a frame. */
static const bool is_type[256] = {
    [FRAME_ARGUMENT] = true, [FRAME_VARIABLE] = true,  [FRAME_START] = true,
    [FRAME_INPUT] = true,    [FRAME_RESIZE] = true,    [FRAME_SIGNAL] = true,
    [FRAME_SEPARATE] = true, [FRAME_DIRECTORY] = true, [FRAME_USER] = true,
    [FRAME_TAKEN] = true,    [FRAME_CLOSED] = true,    [FRAME_OUTPUT] = true,
    [FRAME_ERRORS] = true,   [FRAME_EXIT] = true,      [FRAME_FAILED] = true,
    [FRAME_READY] = true,    [FRAME_SESSION] = true,   [FRAME_OFFER] = true,
    [FRAME_THAW] = true,     [FRAME_FROZEN] = true,    [FRAME_THAWED] = true,
};

unsigned char *frame_reader_room(struct frame_reader *reader, size_t *room)
{
    if (reader->taken > 0) {
        reader->used -= reader->taken;
        (void)memmove(reader->bytes, reader->bytes + reader->taken, reader->used);
        reader->taken = 0;
    }
    if (reader->size - reader->used < *room) {
        reader->size = reader->used + *room;
        reader->bytes = xreallocarray(reader->bytes, reader->size, 1);
    }
    *room = reader->size - reader->used;
    return reader->bytes + reader->used;
}

void frame_reader_fill(struct frame_reader *reader, size_t count)
{
    reader->used += count;
}

int frame_reader_next(struct frame_reader *reader, struct frame *frame, struct error *e)
{
    const unsigned char *bytes = reader->bytes + reader->taken;
    size_t available = reader->used - reader->taken;
    if (available < FRAME_HEADER)
        return 0;
    uint32_t length;
    (void)memcpy(&length, bytes + 4, sizeof length);
    length = le32toh(length);
    if (!is_type[bytes[0]] || bytes[1] || bytes[2] || bytes[3] || length > FRAME_MAX)
        return error_set(e, -EPROTO,
                         "%s: what the other side sends is not a frame (type %u, %u bytes)",
                         FRAME_PORT, bytes[0], (unsigned int)length);
    if (available < FRAME_HEADER + (size_t)length)
        return 0;
    *frame = (struct frame){
        .type = (enum frame_type)bytes[0], .payload = bytes + FRAME_HEADER, .length = length};
    reader->taken += FRAME_HEADER + (size_t)length;
    return 1;
}

void frame_reader_free(struct frame_reader *reader)
{
    free(reader->bytes);
    *reader = (struct frame_reader){0};
}

void frame_header(unsigned char header[FRAME_HEADER], enum frame_type type, size_t length)
{
    uint32_t little = htole32((uint32_t)length);
    (void)memset(header, 0, FRAME_HEADER);
    header[0] = (unsigned char)type;
    (void)memcpy(header + 4, &little, sizeof little);
}

void frame_put_size(unsigned char payload[FRAME_SIZE_LENGTH], uint16_t rows, uint16_t columns)
{
    const uint16_t little[] = {htole16(rows), htole16(columns)};
    (void)memcpy(payload, little, sizeof little);
}

int frame_get_size(const struct frame *frame, uint16_t *rows, uint16_t *columns)
{
    uint16_t little[2];
    if (frame->length != sizeof little)
        return -EPROTO;
    (void)memcpy(little, frame->payload, sizeof little);
    *rows = le16toh(little[0]);
    *columns = le16toh(little[1]);
    return 0;
}

void frame_put_taken(unsigned char payload[FRAME_TAKEN_LENGTH], enum frame_type stream,
                     uint32_t count)
{
    uint32_t little = htole32(count);
    payload[0] = (unsigned char)stream;
    (void)memcpy(payload + 1, &little, sizeof little);
}

int frame_get_taken(const struct frame *frame, enum frame_type *stream, uint32_t *count)
{
    uint32_t little;
    if (frame->length != 1 + sizeof little)
        return -EPROTO;
    (void)memcpy(&little, frame->payload + 1, sizeof little);
    *stream = (enum frame_type)frame->payload[0];
    *count = le32toh(little);
    return 0;
}

void frame_put_thaw(unsigned char payload[FRAME_THAW_LENGTH], const struct frame_thaw *thaw)
{
    uint64_t time = htole64((uint64_t)thaw->time);
    (void)memcpy(payload, thaw->seed, FRAME_SEED);
    (void)memcpy(payload + FRAME_SEED, &time, sizeof time);
    (void)memcpy(payload + FRAME_SEED + sizeof time, thaw->mac, FRAME_MAC);
}

int frame_get_thaw(const struct frame *frame, struct frame_thaw *thaw)
{
    uint64_t time;
    if (frame->type != FRAME_THAW || frame->length != FRAME_THAW_LENGTH)
        return -EPROTO;
    (void)memcpy(thaw->seed, frame->payload, FRAME_SEED);
    (void)memcpy(&time, frame->payload + FRAME_SEED, sizeof time);
    (void)memcpy(thaw->mac, frame->payload + FRAME_SEED + sizeof time, FRAME_MAC);
    thaw->time = (int64_t)le64toh(time);
    return 0;
}
