/* SPDX-License-Identifier: MIT */
#include "host/moduleindex.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define MAGIC   UINT32_C(0xB007F457)
#define VERSION UINT32_C(0x00020001)

/* Flags above a node's offset: which of its parts are there, in this order. */
#define HAS_PREFIX   UINT32_C(0x80000000) /* text, zero byte */
#define HAS_CHILDREN UINT32_C(0x20000000) /* first, last, an offset for each byte between */
#define HAS_VALUES   UINT32_C(0x40000000) /* count; priority, text, zero byte for each */

struct range {
    const struct module_index_entry *first;
    const struct module_index_entry *end;
};

void module_index_add(struct module_index *index, char *key, char *value, uint32_t priority)
{
    /* grows when the count is one less than a power of two */
    if ((index->count & (index->count + 1)) == 0)
        index->entries =
            xreallocarray(index->entries, 2 * (index->count + 1), sizeof *index->entries);
    index->entries[index->count++] =
        (struct module_index_entry){.key = key, .value = value, .priority = priority};
}

static int compare(const void *left, const void *right)
{
    const struct module_index_entry *a = left;
    const struct module_index_entry *b = right;
    int order = strcmp(a->key, b->key);
    if (order == 0)
        order = (a->priority > b->priority) - (a->priority < b->priority);
    return order ? order : strcmp(a->value, b->value);
}

static void put_number(FILE *out, uint32_t number)
{
    uint32_t bytes = htobe32(number);
    (void)fwrite(&bytes, sizeof bytes, 1, out);
}

/* How many bytes all keys of the range have in common from `depth` on: since they are sorted, what
 * the first and the last have. */
static size_t common_prefix(struct range range, size_t depth)
{
    const char *a = range.first->key + depth;
    const char *b = range.end[-1].key + depth;
    size_t length = 0;
    while (a[length] && a[length] == b[length])
        length++;
    return length;
}

static uint32_t put_node(FILE *out, struct range range, size_t depth);

/* Writes the nodes below; their offsets by the byte that leads to them. */
static void put_children(FILE *out, struct range range, size_t depth, uint32_t children[128])
{
    while (range.first < range.end) {
        unsigned char byte = (unsigned char)range.first->key[depth] & 127;
        struct range part = {range.first, range.first};
        while (part.end < range.end && ((unsigned char)part.end->key[depth] & 127) == byte)
            part.end++;
        children[byte] = put_node(out, part, depth + 1);
        range.first = part.end;
    }
}

static void put_child_table(FILE *out, const uint32_t children[128])
{
    unsigned char first = 0;
    unsigned char last = 127;
    while (!children[first])
        first++;
    while (!children[last])
        last--;
    (void)fputc(first, out);
    (void)fputc(last, out);
    for (unsigned int i = first; i <= last; i++)
        put_number(out, children[i]);
}

/* Writes the node for the keys of the range, the same up to `depth`; its offset with the flags. */
static uint32_t put_node(FILE *out, struct range range, size_t depth)
{
    size_t length = common_prefix(range, depth);
    const char *prefix = range.first->key + depth;
    struct range here = {range.first, range.first};
    while (here.end < range.end && here.end->key[depth + length] == '\0')
        here.end++;
    struct range below = {here.end, range.end};
    uint32_t children[128] = {0};
    put_children(out, below, depth + length, children);

    uint32_t offset = (uint32_t)ftell(out);
    if (length > 0) {
        (void)fwrite(prefix, length, 1, out);
        (void)fputc('\0', out);
        offset |= HAS_PREFIX;
    }
    if (below.first < below.end) {
        put_child_table(out, children);
        offset |= HAS_CHILDREN;
    }
    if (here.first < here.end) {
        put_number(out, (uint32_t)(here.end - here.first));
        for (; here.first < here.end; here.first++) {
            put_number(out, here.first->priority);
            (void)fwrite(here.first->value, strlen(here.first->value) + 1, 1, out);
        }
        offset |= HAS_VALUES;
    }
    return offset;
}

char *module_index_format(struct module_index *index, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        alloc_out_of_memory();
    put_number(out, MAGIC);
    put_number(out, VERSION);
    put_number(out, 0); /* the root's offset, known at the end */
    uint32_t root = (uint32_t)ftell(out);
    if (index->count > 0) {
        qsort(index->entries, index->count, sizeof *index->entries, compare);
        root = put_node(out, (struct range){index->entries, index->entries + index->count}, 0);
    }
    (void)fclose(out);
    uint32_t bytes = htobe32(root);
    (void)memcpy(text + 2 * sizeof bytes, &bytes, sizeof bytes);
    return text;
}

void module_index_free(struct module_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        free(index->entries[i].key);
        free(index->entries[i].value);
    }
    free(index->entries);
    *index = (struct module_index){0};
}
