/* SPDX-License-Identifier: MIT */
#include "base/sha256.h"

#include <endian.h>
#include <string.h>

/* FIPS 180-4, 4.2.2 and 5.3.3: fractions of the cube and square roots of the first primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t initial_state[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

/* Computes the words of a block's message schedule. */
static void schedule(uint32_t w[64], const uint8_t *block)
{
    memcpy(w, block, SHA256_BLOCK);
    for (int i = 0; i < 16; i++)
        w[i] = be32toh(w[i]);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

/* Has eight variables, as the standard, where an array would be moved in memory each round: that
 * takes 2.5 times as long. */
static void take_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    schedule(w, block);
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t choice = (e & f) ^ (~e & g);
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t t = h + s1 + choice + constants[i] + w[i];
        h = g;
        g = f;
        f = e;
        e = d + t;
        d = c;
        c = b;
        b = a;
        a = t + s0 + majority;
    }
    const uint32_t sums[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        state[i] += sums[i];
}

void sha256_begin(struct sha256 *s)
{
    memcpy(s->state, initial_state, sizeof s->state);
    s->length = 0;
}

void sha256_feed(struct sha256 *s, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    size_t held = s->length % SHA256_BLOCK;
    s->length += length;
    while (length > 0) {
        if (held == 0 && length >= SHA256_BLOCK) {
            take_block(s->state, at);
            at += SHA256_BLOCK;
            length -= SHA256_BLOCK;
            continue;
        }
        size_t part = SHA256_BLOCK - held < length ? SHA256_BLOCK - held : length;
        memcpy(s->block + held, at, part);
        at += part;
        length -= part;
        held += part;
        if (held == SHA256_BLOCK) {
            take_block(s->state, s->block);
            held = 0;
        }
    }
}

void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES])
{
    enum { LENGTH_BYTES = 8 };
    static const uint8_t padding[SHA256_BLOCK] = {0x80};
    uint64_t bits = htobe64(s->length * 8);
    size_t held = s->length % SHA256_BLOCK, room = SHA256_BLOCK - LENGTH_BYTES;
    sha256_feed(s, padding, held < room ? room - held : room + SHA256_BLOCK - held);
    sha256_feed(s, &bits, sizeof bits);
    for (int i = 0; i < 8; i++) {
        uint32_t word = htobe32(s->state[i]);
        memcpy(digest + i * sizeof word, &word, sizeof word);
    }
}

void sha256_hex(const uint8_t digest[SHA256_BYTES], char text[SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[SHA256_HEX - 1] = '\0';
}
