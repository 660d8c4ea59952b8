/* SPDX-License-Identifier: MIT */
#include "host/initrd/moduleindex.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"

#define MAGIC   UINT32_C(0xB007F457)
#define VERSION UINT32_C(0x00020001)

/* Flags above a node's offset: which of its parts are there, in this order. */
#define HAS_PREFIX   UINT32_C(0x80000000) /* text, zero byte */
#define HAS_CHILDREN UINT32_C(0x20000000) /* first, last, an offset for each byte between */
#define HAS_VALUES   UINT32_C(0x40000000) /* count; priority, text, zero byte for each */
#define OFFSET       UINT32_C(0x0fffffff)

struct range {
    const struct module_index_entry *first;
    const struct module_index_entry *end;
};

void moduleindex_add(struct module_index *index, char *key, char *value, uint32_t priority)
{
    const struct module_index_entry entry = {.key = key, .value = value, .priority = priority};
    ARRAY_PUSH(index->entries, index->count, entry);
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

/* Returns the length of the prefix that all keys of the range share from `depth` on. The keys are
 * sorted, so comparing the first and the last suffices. */
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

/* Writes the child nodes and stores their offsets by the byte that leads to each. */
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

/* Writes the node of a range of keys that are equal up to `depth`. Returns its offset with the
 * flags. */
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

char *moduleindex_format(struct module_index *index, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        alloc_out_of_memory();
    put_number(out, MAGIC);
    put_number(out, VERSION);
    put_number(out, 0); /* replaced by the root's offset at the end */
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

/* Limits of a key, and of all keys and values together: in few bytes a malicious file can give each
 * of its entries a long key. */
#define KEY_SIZE     4096
#define ENTRIES_SIZE ((size_t)64 << 20)
#define ENTRY_COST   64 /* of memory, besides its texts */

/* A file being read. Every byte of a valid file belongs to one node, so no more than its size is
 * read: this ends overlapping nodes and loops. */
struct reader {
    const char *data;
    size_t size;
    size_t at;
    size_t left;  /* of the bytes that may be read */
    size_t taken; /* by keys and values */
    const char *wrong;
    struct module_index *index;
};

static bool fail(struct reader *r, const char *wrong)
{
    r->wrong = wrong;
    return false;
}

static bool get_bytes(struct reader *r, const char **bytes, size_t count)
{
    if (count > r->size - r->at)
        return fail(r, "it is cut off, or leads past its end");
    if (count > r->left)
        return fail(r, "its nodes lie in each other");
    *bytes = r->data + r->at;
    r->at += count;
    r->left -= count;
    return true;
}

static bool get_number(struct reader *r, uint32_t *number)
{
    const char *bytes;
    if (!get_bytes(r, &bytes, sizeof *number))
        return false;
    (void)memcpy(number, bytes, sizeof *number);
    *number = be32toh(*number);
    return true;
}

static bool get_text(struct reader *r, const char **text)
{
    return get_bytes(r, text, strnlen(r->data + r->at, r->size - r->at) + 1);
}

static bool get_values(struct reader *r, const char *key, size_t length)
{
    uint32_t count;
    if (!get_number(r, &count))
        return false;
    for (; count > 0; count--) {
        uint32_t priority;
        const char *value;
        if (!get_number(r, &priority) || !get_text(r, &value))
            return false;
        r->taken += length + strlen(value) + ENTRY_COST;
        if (r->taken > ENTRIES_SIZE)
            return fail(r, "it holds more than an index of modules can");
        moduleindex_add(r->index, xstrndup(key, length), xstrdup(value), priority);
    }
    return true;
}

/* Reads the node at `offset` and its children. `key`, a buffer of KEY_SIZE bytes, holds the bytes
 * that lead to the node. */
static bool get_node(struct reader *r, uint32_t offset, char *key, size_t length)
{
    const char *prefix = "";
    const char *bounds = NULL;
    const char *children = NULL;
    r->at = offset & OFFSET;
    if (r->at > r->size)
        return fail(r, "it leads past its end");
    if (offset & HAS_PREFIX && !get_text(r, &prefix))
        return false;
    size_t more = strlen(prefix);
    if (length + more + 1 >= KEY_SIZE)
        return fail(r, "a name in it is longer than a path");
    (void)memcpy(key + length, prefix, more);
    length += more;
    if (offset & HAS_CHILDREN && !get_bytes(r, &bounds, 2))
        return false;
    unsigned char first = bounds ? (unsigned char)bounds[0] : 1;
    unsigned char last = bounds ? (unsigned char)bounds[1] : 0;
    if (bounds && (first > last || last >= 128))
        return fail(r, "a node's children are no ASCII characters");
    if (bounds && !get_bytes(r, &children, ((size_t)last - first + 1) * sizeof(uint32_t)))
        return false;
    if (offset & HAS_VALUES && !get_values(r, key, length))
        return false;
    for (unsigned int i = first; i <= last; i++) {
        uint32_t child;
        (void)memcpy(&child, children + (i - first) * sizeof child, sizeof child);
        key[length] = (char)i;
        if (child && !get_node(r, be32toh(child), key, length + 1))
            return false;
    }
    return true;
}

int moduleindex_parse(struct module_index *index, const char *data, size_t size, struct error *e)
{
    *index = (struct module_index){0};
    struct reader r = {.data = data, .size = size, .left = size, .index = index};
    char *key CLEANUP_FREE = xcalloc(KEY_SIZE, 1);
    uint32_t magic;
    uint32_t version;
    uint32_t root;
    if (get_number(&r, &magic) && get_number(&r, &version) && get_number(&r, &root)) {
        if (magic != MAGIC || version >> 16 != VERSION >> 16)
            (void)fail(&r, "it does not begin as one of version 2");
        else
            (void)get_node(&r, root, key, 0);
    }
    if (!r.wrong) {
        if (index->count > 0)
            qsort(index->entries, index->count, sizeof *index->entries, compare);
        return 0;
    }
    moduleindex_free(index);
    return error_set(e, -EINVAL, "damaged index of modules: %s", r.wrong);
}

const struct module_index_entry *moduleindex_find(const struct module_index *index, const char *key)
{
    size_t low = 0;
    for (size_t high = index->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(index->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->count && streq(index->entries[low].key, key) ? &index->entries[low] : NULL;
}

void moduleindex_free(struct module_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        free(index->entries[i].key);
        free(index->entries[i].value);
    }
    free(index->entries);
    *index = (struct module_index){0};
}
