/* SPDX-License-Identifier: MIT */
#include "init/nix/nametable.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

/* Hashes eight bytes at a time. A file crafted to collide only makes the search slow. */
static uint32_t tag_of(const char *path, size_t length, size_t skip)
{
    static const uint64_t odd = 0x9E3779B97F4A7C15u;
    uint64_t mixed = length;
    for (size_t at = skip; at < length; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, path + at, length - at < sizeof word ? length - at : sizeof word);
        mixed = (mixed ^ word) * odd;
        mixed ^= mixed >> 32;
    }
    return (uint32_t)mixed;
}

/* Returns the slot of the path, with its name in *found; or the free slot to put it in, with
 * REGISTRATION_NONE. */
static uint32_t probe(const struct nametable *table, uint32_t tag, const char *path, size_t length,
                      uint32_t *found)
{
    uint32_t mask = table->slot_count - 1;
    uint32_t at = tag & mask;
    for (; table->slots[at]; at = (at + 1) & mask) {
        if ((uint32_t)(table->slots[at] >> 32) != tag)
            continue;
        uint32_t name = (uint32_t)table->slots[at] - 1;
        const struct registration_name *n = &table->names[name];
        if (n->length == length && memcmp(table->texts + n->text, path, length) == 0) {
            *found = name;
            return at;
        }
    }
    *found = REGISTRATION_NONE;
    return at;
}

static void grow_slots(struct nametable *table)
{
    uint32_t count = table->slot_count ? table->slot_count * 2 : 1024;
    uint64_t *slots = xcalloc(count, sizeof *slots);
    for (uint32_t i = 0; i < table->slot_count; i++) {
        if (!table->slots[i])
            continue;
        uint32_t at = (uint32_t)(table->slots[i] >> 32) & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = count;
}

void nametable_free(struct nametable *table)
{
    free(table->texts);
    free(table->names);
    free(table->slots);
    *table = (struct nametable){0};
}

uint32_t nametable_find(const struct nametable *table, const char *path, size_t length, size_t skip)
{
    uint32_t found = REGISTRATION_NONE;
    if (table->slot_count && length >= skip)
        (void)probe(table, tag_of(path, length, skip), path, length, &found);
    return found;
}

uint32_t nametable_add(struct nametable *table, const char *path, size_t length, size_t skip,
                       uint32_t line)
{
    if (table->texts_used + length + 1 > UINT32_MAX)
        return REGISTRATION_NONE;
    if (table->texts_used + length + 1 > table->texts_size) {
        table->texts_size = table->texts_size + table->texts_size / 2 + length + 4096;
        table->texts = xreallocarray(table->texts, table->texts_size, 1);
    }
    if (table->slot_count / 2 <= table->count)
        grow_slots(table);

    uint32_t ignored;
    uint32_t tag = tag_of(path, length, skip);
    uint32_t at = probe(table, tag, path, length, &ignored);
    char *text = table->texts + table->texts_used;
    memcpy(text, path, length);
    text[length] = '\0';
    const struct registration_name name = {
        .text = (uint32_t)table->texts_used,
        .length = (uint32_t)length,
        .entry = REGISTRATION_NONE,
        .line = line,
    };
    ARRAY_PUSH(table->names, table->count, name);
    table->texts_used += length + 1;
    table->slots[at] = (uint64_t)tag << 32 | table->count;
    return table->count - 1;
}
