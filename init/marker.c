/* SPDX-License-Identifier: MIT */
#include "init/marker.h"

#include <endian.h>
#include <string.h>

static const char magic[32] = "run-vm: ext4 format unfinished\n";

enum { SIZE_OFFSET = 32, UUID_OFFSET = 40 };

void marker_encode(const struct marker *m, uint8_t sector[MARKER_SECTOR])
{
    uint64_t size = htole64(m->size);
    memset(sector, 0, MARKER_SECTOR);
    memcpy(sector, magic, sizeof magic);
    memcpy(sector + SIZE_OFFSET, &size, sizeof size);
    memcpy(sector + UUID_OFFSET, m->uuid, sizeof m->uuid);
}

bool marker_decode(const uint8_t sector[MARKER_SECTOR], struct marker *m)
{
    uint64_t size;
    memcpy(&size, sector + SIZE_OFFSET, sizeof size);
    m->size = le64toh(size);
    memcpy(m->uuid, sector + UUID_OFFSET, sizeof m->uuid);

    uint8_t expected[MARKER_SECTOR];
    marker_encode(m, expected);
    return memcmp(sector, expected, MARKER_SECTOR) == 0;
}
