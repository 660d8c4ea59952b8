/* SPDX-License-Identifier: MIT */
#include "init/nix/storepath.h"

#include <string.h>

#include "base/alloc.h"

/* The value of a character as a digit of Nix's base 32 (whose alphabet has no e, o, t, u), base 16
 * and base 64, plus one: 0 means "not a digit". */
struct character {
    uint8_t base32;
    uint8_t base16;
    uint8_t base64;
    bool in_name; /* allowed in a name */
};

static struct character characters[256];

static void fill(const char *alphabet, size_t offset)
{
    for (size_t i = 0; alphabet[i]; i++)
        ((uint8_t *)&characters[(unsigned char)alphabet[i]])[offset] = (uint8_t)(i + 1);
}

static void fill_characters(void)
{
    static const char names[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-._?=";
    if (characters['0'].in_name)
        return;
    fill("0123456789abcdfghijklmnpqrsvwxyz", offsetof(struct character, base32));
    fill("0123456789ABCDEF", offsetof(struct character, base16));
    fill("0123456789abcdef", offsetof(struct character, base16));
    fill("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
         offsetof(struct character, base64));
    for (size_t i = 0; names[i]; i++)
        characters[(unsigned char)names[i]].in_name = true;
}

const char *storepath_base_fault(const char *base, size_t length)
{
    fill_characters();
    if (length < STOREPATH_HASH_CHARS + 1)
        return "it is too short";
    for (size_t i = 0; i < STOREPATH_HASH_CHARS; i++)
        if (!characters[(unsigned char)base[i]].base32)
            return "its hash part has a character that is not in base 32";
    if (base[STOREPATH_HASH_CHARS] != '-')
        return "no '-' follows its hash part of 32 characters";
    if (length == STOREPATH_HASH_CHARS + 1)
        return "it has no name after the hash part";
    if (length > STOREPATH_HASH_CHARS + 1 + STOREPATH_NAME_MAX)
        return "its name is longer than 211 characters";
    for (size_t i = STOREPATH_HASH_CHARS + 1; i < length; i++)
        if (!characters[(unsigned char)base[i]].in_name)
            return base[i] == '/' ? "it is a file in one" : "its name has a forbidden character";
    return NULL;
}

char *storepath_of(const char *store_dir, const char *path)
{
    size_t prefix = strlen(store_dir);
    if (strncmp(path, store_dir, prefix) != 0 || path[prefix] != '/')
        return NULL;
    const char *base = path + prefix + 1;
    size_t length = strcspn(base, "/");
    if (storepath_base_fault(base, length))
        return NULL;
    return xstrndup(path, prefix + 1 + length);
}

static bool parse_base16(const char *text, uint8_t *hash)
{
    for (size_t i = 0; i < STOREPATH_SHA256_BYTES; i++) {
        unsigned high = characters[(unsigned char)text[2 * i]].base16;
        unsigned low = characters[(unsigned char)text[2 * i + 1]].base16;
        if (!high || !low)
            return false;
        hash[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return true;
}

/* Nix's base 32 has the least significant digit last; the number's bytes are little-endian. */
static bool parse_base32(const char *text, size_t length, uint8_t *hash)
{
    memset(hash, 0, STOREPATH_SHA256_BYTES);
    for (size_t n = 0; n < length; n++) {
        unsigned digit = characters[(unsigned char)text[length - n - 1]].base32;
        if (!digit)
            return false;
        digit--;
        size_t bit = n * 5;
        size_t byte = bit / 8;
        unsigned shifted = digit << (bit % 8);
        hash[byte] |= (uint8_t)shifted;
        if (byte + 1 < STOREPATH_SHA256_BYTES)
            hash[byte + 1] |= (uint8_t)(shifted >> 8);
        else if (shifted >> 8)
            return false;
    }
    return true;
}

static bool parse_base64(const char *text, uint8_t *hash)
{
    enum { DIGITS = 43 }; /* and one '=' */
    unsigned bits = 0;
    unsigned held = 0;
    size_t byte = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        unsigned digit = characters[(unsigned char)text[i]].base64;
        if (!digit)
            return false;
        bits = bits << 6 | (digit - 1);
        held += 6;
        if (held >= 8) {
            held -= 8;
            hash[byte++] = (uint8_t)(bits >> held);
        }
    }
    return text[DIGITS] == '=';
}

const char *storepath_parse_sha256(const char *text, size_t length,
                                   uint8_t hash[STOREPATH_SHA256_BYTES])
{
    enum { PREFIX = 7, HEX = 64, BASE32 = 52, BASE64 = 44 };
    static const char bad_digit[] = "the hash has a character that is not a digit";
    fill_characters();
    bool integrity = length > PREFIX && memcmp(text, "sha256-", PREFIX) == 0;
    if (integrity || (length > PREFIX && memcmp(text, "sha256:", PREFIX) == 0)) {
        text += PREFIX;
        length -= PREFIX;
    } else if (memchr(text, ':', length)) {
        return "the hash is not a SHA-256";
    }
    if (length == BASE64)
        return parse_base64(text, hash) ? NULL : bad_digit;
    if (length == HEX && !integrity)
        return parse_base16(text, hash) ? NULL : bad_digit;
    if (length == BASE32 && !integrity)
        return parse_base32(text, length, hash) ? NULL : bad_digit;
    return "the hash has the wrong length for a SHA-256";
}
