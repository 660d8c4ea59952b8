/* SPDX-License-Identifier: MIT */
/* The channel of `run-vm --exec`: one virtio-serial port that carries frames both ways. A frame is
 * one byte of type, three zeros, its payload's length (le32), the payload.
 *
 * The guest begins with FRAME_READY. The host says what is to be run and ends with FRAME_START.
 * Then the streams flow, each within its window: its sender may be at most FRAME_WINDOW bytes
 * ahead of the bytes that FRAME_TAKEN has acknowledged. A stream that nobody reads therefore blocks
 * neither the others nor a signal, and neither side buffers more than the windows. The guest ends
 * with FRAME_EXIT or FRAME_FAILED; on receiving it the host hangs up, and the guest powers off.
 *
 * With vm.warm another exchange comes first, before the guest has touched anything that belongs to
 * one run: FRAME_FROZEN, FRAME_THAW, FRAME_THAWED. Between the first two the host may save the
 * machine, and answer each machine that it continues from there. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The name of the port, as /sys/class/virtio-ports/PORT/name shows it. */
#define FRAME_PORT "run-vm.exec"

/* The ports of the agent (vm.agent), each with a number from 0 appended. A port serves one session
 * after the other, and either side may be left with bytes of the last one. So the agent offers a
 * session on a port that it has just opened, the host begins one with a token, and what comes
 * before FRAME_READY with that token is not the session's. A token that is not the session's ends
 * the session and opens the port again. */
#define FRAME_AGENT_PORT  "run-vm.agent."
#define FRAME_AGENT_PORTS 8
#define FRAME_TOKEN       16 /* bytes of a token, and of an offer */
#define FRAME_OFFERED     "run-vm: offered\n"

#define FRAME_HEADER 8
/* The longest payload in bytes: the longest single argument that Linux takes (MAX_ARG_STRLEN). */
#define FRAME_MAX 131072
/* Most bytes of a stream that may be unacknowledged. */
#define FRAME_WINDOW 262144

enum frame_type {
    /* from the host, in this order: the arguments, the variables, one start; then the rest */
    FRAME_ARGUMENT = 1, /* one argument of the command, any bytes but zero */
    FRAME_VARIABLE = 2, /* one NAME=VALUE of its environment */
    FRAME_START = 3,    /* run it: empty, or the size of the terminal it gets (frame_put_size) */
    FRAME_INPUT = 4,    /* standard input; empty: its end */
    FRAME_RESIZE = 5,   /* the terminal's new size; to the agent in place of a command: the size of
                         * the guest's console, after which the session ends */
    FRAME_SIGNAL = 6,   /* a signal for the command: its number in one byte */
    FRAME_SEPARATE = 7, /* before the start: standard error does not go to the terminal */
    FRAME_DIRECTORY = 10, /* before the start: the command's working directory; / without it */
    FRAME_USER = 11,    /* before the start: its user, NAME[:GROUP] or UID[:GID]; root without it */
    FRAME_THAW = 12,    /* the answer to FRAME_FROZEN: begin the run (struct frame_thaw) */
    FRAME_SESSION = 15, /* to the agent: a token, before everything else */
    /* from the receiver of a stream to its sender; the first byte is the stream's frame type */
    FRAME_TAKEN = 8,  /* le32: acknowledges that many more bytes */
    FRAME_CLOSED = 9, /* the receiver has stopped reading */
    /* from the guest */
    FRAME_OUTPUT = 16, /* standard output, or what the terminal shows */
    FRAME_ERRORS = 17, /* standard error */
    FRAME_EXIT = 18,   /* the command's exit status in one byte; the last frame */
    FRAME_FAILED = 19, /* why the command could not be run, a text; the last frame */
    FRAME_READY = 20,  /* the guest is ready: the first frame, and the answer to a signal; from the
                        * agent first with the token */
    FRAME_OFFER = 21,  /* the agent waits for a session: FRAME_OFFERED */
    FRAME_FROZEN = 22, /* vm.warm: the guest waits for FRAME_THAW, and may be saved meanwhile,
                        * unless the payload says why not, a text */
    FRAME_THAWED = 23, /* it goes on with the run: before FRAME_READY */
};

struct frame {
    enum frame_type type;
    const unsigned char *payload; /* valid until the next call with the reader */
    size_t length;
};

/* Assembles frames from a stream of bytes. Zero-initialize it. */
struct frame_reader {
    unsigned char *bytes; /* owned */
    size_t used;          /* bytes received */
    size_t taken;         /* of these, bytes of frames already returned */
    size_t size;
};

#define CLEANUP_FRAME_READER CLEANUP(frame_reader_free)

/* Returns a buffer for at least `*room` bytes from the channel and sets `*room` to its size. */
unsigned char *frame_reader_room(struct frame_reader *reader, size_t *room);

/* Notes that `count` bytes have been stored in that buffer. */
void frame_reader_fill(struct frame_reader *reader, size_t count);

/* Returns 1 and the next frame; 0 if more bytes are needed; -EPROTO for data that is not a frame,
 * after which the channel cannot be read any further. */
int frame_reader_next(struct frame_reader *reader, struct frame *frame, struct error *e);

void frame_reader_free(struct frame_reader *reader);

/* Encodes the header of a frame whose payload has `length` bytes, at most FRAME_MAX. */
void frame_header(unsigned char header[FRAME_HEADER], enum frame_type type, size_t length);

/* Encode and decode a terminal's size, the payload of FRAME_START and FRAME_RESIZE: le16 rows, le16
 * columns. Decoding returns -EPROTO if the payload has another length. */
#define FRAME_SIZE_LENGTH 4
void frame_put_size(unsigned char payload[FRAME_SIZE_LENGTH], uint16_t rows, uint16_t columns);
int frame_get_size(const struct frame *frame, uint16_t *rows, uint16_t *columns);

/* Encode and decode the payload of FRAME_TAKEN. Decoding returns -EPROTO as above. */
#define FRAME_TAKEN_LENGTH 5
void frame_put_taken(unsigned char payload[FRAME_TAKEN_LENGTH], enum frame_type stream,
                     uint32_t count);
int frame_get_taken(const struct frame *frame, enum frame_type *stream, uint32_t *count);

/* Encode and decode the payload of FRAME_THAW: everything in which two machines that continue from
 * the same state must differ. Decoding returns -EPROTO as above. */
#define FRAME_SEED        32
#define FRAME_MAC         6
#define FRAME_THAW_LENGTH (FRAME_SEED + 8 + FRAME_MAC)
struct frame_thaw {
    unsigned char seed[FRAME_SEED]; /* of the kernel's random numbers */
    int64_t time;                   /* nanoseconds since 1970 */
    unsigned char mac[FRAME_MAC];   /* of the first network card */
};
void frame_put_thaw(unsigned char payload[FRAME_THAW_LENGTH], const struct frame_thaw *thaw);
int frame_get_thaw(const struct frame *frame, struct frame_thaw *thaw);
