/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), computed piece by piece: begin once, feed as often as needed, end once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK = 64, SHA256_HEX = 2 * SHA256_BYTES + 1 };

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes fed */
    uint8_t block[SHA256_BLOCK];
};

void sha256_begin(struct sha256 *s);
void sha256_feed(struct sha256 *s, const void *bytes, size_t length);
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES]);

/* Formats a digest as hexadecimal digits and a zero byte. */
void sha256_hex(const uint8_t digest[SHA256_BYTES], char text[SHA256_HEX]);
