/* SPDX-License-Identifier: MIT */
#include "host/initrd/modulesign.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "host/initrd/decompress.h"

/* MODULE_SIG_STRING. The description of the signature precedes it, the signature precedes that. */
static const char magic[] = "~Module signature appended~\n";

struct description {
    unsigned char algorithm;
    unsigned char hash;
    unsigned char type; /* 2: PKCS#7, the only one since Linux 4.3 */
    unsigned char lengths[2];
    unsigned char padding[3];
    uint32_t length; /* of the signature, big endian */
};

#define PKCS7 2

/* Object identifiers of hashes, encoded by DER. */
static const struct {
    const char *name;
    const char *oid;
} hashes[] = {
    {"sha1", "\x2b\x0e\x03\x02\x1a"},
    {"sha224", "\x60\x86\x48\x01\x65\x03\x04\x02\x04"},
    {"sha256", "\x60\x86\x48\x01\x65\x03\x04\x02\x01"},
    {"sha384", "\x60\x86\x48\x01\x65\x03\x04\x02\x02"},
    {"sha512", "\x60\x86\x48\x01\x65\x03\x04\x02\x03"},
    {"sha3-256", "\x60\x86\x48\x01\x65\x03\x04\x02\x08"},
    {"sha3-384", "\x60\x86\x48\x01\x65\x03\x04\x02\x09"},
    {"sha3-512", "\x60\x86\x48\x01\x65\x03\x04\x02\x0a"},
    {"sm3", "\x2a\x81\x1c\xcf\x55\x01\x83\x11"},
};

/* Bytes still to be read. */
struct der {
    const unsigned char *at;
    size_t left;
};

enum tag {
    INTEGER = 0x02,
    OBJECT_IDENTIFIER = 0x06,
    SEQUENCE = 0x30,
    SET = 0x31,
    CONTEXT_0 = 0xa0
};

/* Reads the next element, which must have this tag, and returns its content. */
static bool take(struct der *der, enum tag tag, struct der *content)
{
    if (der->left < 2 || der->at[0] != tag)
        return false;
    size_t length = der->at[1];
    size_t header = 2;
    if (length & 0x80) {
        size_t bytes = length & 0x7f;
        if (bytes > 4 || bytes > der->left - header)
            return false;
        length = 0;
        for (size_t i = 0; i < bytes; i++)
            length = length << 8 | der->at[header + i];
        header += bytes;
    }
    if (length > der->left - header)
        return false;
    *content = (struct der){der->at + header, length};
    der->at += header + length;
    der->left -= header + length;
    return true;
}

/* Returns the first hash in a PKCS#7 message (RFC 5652), which is in ContentInfo, SignedData,
 * digestAlgorithms. */
static const char *first_hash(struct der message)
{
    struct der info;
    struct der type;
    struct der content;
    struct der data;
    struct der version;
    struct der set;
    struct der algorithm;
    struct der oid;
    if (!take(&message, SEQUENCE, &info) || !take(&info, OBJECT_IDENTIFIER, &type) ||
        !take(&info, CONTEXT_0, &content) || !take(&content, SEQUENCE, &data) ||
        !take(&data, INTEGER, &version) || !take(&data, SET, &set) ||
        !take(&set, SEQUENCE, &algorithm) || !take(&algorithm, OBJECT_IDENTIFIER, &oid))
        return NULL;
    for (size_t i = 0; i < ELEMENTS(hashes); i++)
        if (strlen(hashes[i].oid) == oid.left && memcmp(hashes[i].oid, oid.at, oid.left) == 0)
            return hashes[i].name;
    return NULL;
}

bool modulesign_is_signed(const char *data, size_t size)
{
    size_t length = strlen(magic);
    return size > length && memcmp(data + size - length, magic, length) == 0;
}

const char *modulesign_hash(const char *data, size_t size)
{
    struct description description;
    if (!modulesign_is_signed(data, size) || size < strlen(magic) + sizeof description)
        return NULL;
    size -= strlen(magic) + sizeof description;
    (void)memcpy(&description, data + size, sizeof description);
    size_t length = be32toh(description.length);
    if (description.type != PKCS7 || length > size)
        return NULL;
    return first_hash((struct der){(const unsigned char *)data + size - length, length});
}

const char *modulesign_hash_of_file(const char *file)
{
    size_t size = 0;
    char *data CLEANUP_FREE = decompress_module(file, DECOMPRESS_LIMIT, &size, NULL);
    return data ? modulesign_hash(data, size) : NULL;
}
