/* SPDX-License-Identifier: MIT */
#include "init/format/formatmarker.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>

static const char magic[32] = "run-vm: ext4 format unfinished\n";

/* The sector's fields, little-endian, without gaps. */
struct layout {
    char magic[sizeof magic];
    uint64_t size;
    uint8_t uuid[16];
    uint8_t hash_seed[16];
    uint32_t numbers[5];
    char label[16];
    uint8_t zeros[404];
};
_Static_assert(sizeof(struct layout) == MARKER_SECTOR, "the marker fills its sector");

void marker_encode(const struct marker *m, uint8_t sector[MARKER_SECTOR])
{
    struct layout layout = {
        .size = htole64(m->size),
        .numbers = {htole32(m->time), htole32(m->sector), htole32(m->physical),
                    htole32(m->minimum_io), htole32(m->optimal_io)},
    };
    memcpy(layout.magic, magic, sizeof magic);
    memcpy(layout.uuid, m->uuid, sizeof layout.uuid);
    memcpy(layout.hash_seed, m->hash_seed, sizeof layout.hash_seed);
    memcpy(layout.label, m->label, strnlen(m->label, sizeof layout.label));
    memcpy(sector, &layout, sizeof layout);
}

bool marker_decode(const uint8_t sector[MARKER_SECTOR], struct marker *m)
{
    struct layout layout;
    memcpy(&layout, sector, sizeof layout);
    *m = (struct marker){
        .size = le64toh(layout.size),
        .time = le32toh(layout.numbers[0]),
        .sector = le32toh(layout.numbers[1]),
        .physical = le32toh(layout.numbers[2]),
        .minimum_io = le32toh(layout.numbers[3]),
        .optimal_io = le32toh(layout.numbers[4]),
    };
    memcpy(m->uuid, layout.uuid, sizeof m->uuid);
    memcpy(m->hash_seed, layout.hash_seed, sizeof m->hash_seed);
    memcpy(m->label, layout.label, sizeof layout.label);

    uint8_t expected[MARKER_SECTOR];
    marker_encode(m, expected);
    return memcmp(sector, expected, MARKER_SECTOR) == 0;
}
