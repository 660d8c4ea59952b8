/* SPDX-License-Identifier: MIT */
#include "host/run/handshake.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

static void drop(struct handshake *h, size_t count)
{
    h->used -= count;
    (void)memmove(h->bytes, h->bytes + count, h->used);
}

void handshake_init(struct handshake *h)
{
    unsigned char token[FRAME_TOKEN];
    h->used = 0;
    (void)!getrandom(token, sizeof token, 0); /* as short as this one, it cannot fail */
    frame_header(h->begin, FRAME_SESSION, sizeof token);
    (void)memcpy(h->begin + FRAME_HEADER, token, sizeof token);
    frame_header(h->ready, FRAME_READY, sizeof token);
    (void)memcpy(h->ready + FRAME_HEADER, token, sizeof token);
}

enum handshake_found handshake_next(struct handshake *h)
{
    unsigned char offer[HANDSHAKE_MARK];
    frame_header(offer, FRAME_OFFER, FRAME_TOKEN);
    (void)memcpy(offer + FRAME_HEADER, FRAME_OFFERED, FRAME_TOKEN);
    for (size_t at = 0; at + HANDSHAKE_MARK <= h->used; at++) {
        bool is_ready = memcmp(h->bytes + at, h->ready, HANDSHAKE_MARK) == 0;
        if (!is_ready && memcmp(h->bytes + at, offer, HANDSHAKE_MARK) != 0)
            continue;
        drop(h, at + (is_ready ? 0 : HANDSHAKE_MARK));
        return is_ready ? HANDSHAKE_READY : HANDSHAKE_OFFER;
    }
    if (h->used >= HANDSHAKE_MARK) /* a mark may have begun */
        drop(h, h->used - (HANDSHAKE_MARK - 1));
    return HANDSHAKE_NOTHING;
}
