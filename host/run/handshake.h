/* SPDX-License-Identifier: MIT */
/* The beginning of a session with the guest's agent (common/frame.h): finds the agent's offer and
 * its answer in what the port delivers, between bytes that an earlier session has left. */
#pragma once

#include <stddef.h>

#include "common/frame.h"

#define HANDSHAKE_MARK (FRAME_HEADER + FRAME_TOKEN)

enum handshake_found {
    HANDSHAKE_NOTHING,
    HANDSHAKE_OFFER, /* the agent waits for a session: send its beginning (again) */
    HANDSHAKE_READY, /* the bytes begin with FRAME_READY */
};

struct handshake {
    unsigned char begin[HANDSHAKE_MARK]; /* FRAME_SESSION with the token, to be sent */
    unsigned char ready[HANDSHAKE_MARK]; /* the answer */
    unsigned char bytes[65536];
    size_t used;
};

/* Begins a handshake with a new token. */
void handshake_init(struct handshake *h);

/* Looks for the first mark in `bytes`, and drops what precedes it, and an offer itself. */
enum handshake_found handshake_next(struct handshake *h);
