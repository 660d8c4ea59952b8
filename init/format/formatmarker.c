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
_Static_assert(sizeof(struct layout) == FORMATMARKER_SECTOR, "the marker fills its sector");

void formatmarker_encode(const struct formatmarker *m, uint8_t sector[FORMATMARKER_SECTOR])
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

bool formatmarker_decode(const uint8_t sector[FORMATMARKER_SECTOR], struct formatmarker *m)
{
    struct layout layout;
    memcpy(&layout, sector, sizeof layout);
    *m = (struct formatmarker){
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

    uint8_t expected[FORMATMARKER_SECTOR];
    formatmarker_encode(m, expected);
    return memcmp(sector, expected, FORMATMARKER_SECTOR) == 0;
}
