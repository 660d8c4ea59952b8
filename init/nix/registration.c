/* SPDX-License-Identifier: MIT */
#include "init/nix/registration.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Sort key of a name; most comparisons need not read the texts. */
struct key {
    uint64_t start; /* eight bytes of the base name, as a big-endian number */
    uint32_t name;
};

static int compare_keys(const void *left, const void *right, void *registration)
{
    const struct key *a = left;
    const struct key *b = right;
    const struct registration *r = registration;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return strcmp(registration_text(r, a->name), registration_text(r, b->name));
}

static struct key *sorted_keys(struct registration *r, size_t skip)
{
    struct key *keys = xcalloc(r->name_count, sizeof *keys);
    bool sorted = true;
    for (uint32_t i = 0; i < r->name_count; i++) {
        uint64_t start;
        memcpy(&start, registration_text(r, i) + skip, sizeof start);
        keys[i] = (struct key){.start = be64toh(start), .name = i};
        sorted = sorted && (i == 0 || compare_keys(&keys[i - 1], &keys[i], r) < 0);
    }
    if (!sorted)
        qsort_r(keys, r->name_count, sizeof *keys, compare_keys, r);
    return keys;
}

static int compare_numbers(const void *left, const void *right)
{
    const uint32_t *a = left;
    const uint32_t *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Sorts and removes duplicates; returns how many are left. Most lists are short or in order. */
static uint32_t sort_unique(uint32_t *list, uint32_t count)
{
    enum { SHORT = 24 };
    if (count > SHORT) {
        qsort(list, count, sizeof *list, compare_numbers);
    } else {
        for (uint32_t i = 1; i < count; i++) {
            uint32_t moved = list[i], j = i;
            for (; j > 0 && list[j - 1] > moved; j--)
                list[j] = list[j - 1];
            list[j] = moved;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || list[kept - 1] != list[i])
            list[kept++] = list[i];
    return kept;
}

/* Replaces the indexes of names in an entry by the new ones. */
static void relabel(struct registration *r, struct registration_entry *entry,
                    const uint32_t *new_of_old)
{
    entry->name = new_of_old[entry->name];
    if (entry->deriver != REGISTRATION_NONE)
        entry->deriver = new_of_old[entry->deriver];
    if (entry->reference_count == 0)
        return; /* `references` may be NULL */
    uint32_t *references = r->references + entry->first_reference;
    for (uint32_t i = 0; i < entry->reference_count; i++)
        references[i] = new_of_old[references[i]];
    entry->reference_count = sort_unique(references, entry->reference_count);
}

void registration_order(struct registration *r, size_t skip)
{
    if (r->name_count == 0)
        return;
    struct key *keys CLEANUP_FREE = sorted_keys(r, skip);
    uint32_t *new_of_old CLEANUP_FREE = xcalloc(r->name_count, sizeof *new_of_old);
    struct registration_name *names = xcalloc(r->name_count, sizeof *names);
    struct registration_entry *entries = xcalloc(r->entry_count, sizeof *entries);
    uint32_t kept = 0;
    r->reference_count = 0;
    for (uint32_t i = 0; i < r->name_count; i++)
        new_of_old[keys[i].name] = i;
    for (uint32_t i = 0; i < r->name_count; i++) {
        names[i] = r->names[keys[i].name];
        if (names[i].entry == REGISTRATION_NONE)
            continue;
        entries[kept] = r->entries[names[i].entry];
        relabel(r, &entries[kept], new_of_old);
        r->reference_count += entries[kept].reference_count;
        names[i].entry = kept++;
    }
    free(r->names);
    free(r->entries);
    r->names = names;
    r->entries = entries;
    r->entry_count = kept;
}

/* A depth-first search over the references. */
struct walk {
    const struct registration *r;
    uint32_t *followed; /* for each entry, one more than the references followed; DONE: no cycle
                         * below it */
    uint32_t *path;     /* the entries from the start to the current one */
    uint32_t depth;
};
enum { UNSEEN = 0 };
#define DONE UINT32_MAX

/* Returns the next entry to descend to, or DONE when there is none. */
static uint32_t next_entry(struct walk *w)
{
    uint32_t at = w->path[w->depth - 1];
    const struct registration_entry *entry = &w->r->entries[at];
    while (w->followed[at] <= entry->reference_count) {
        uint32_t name = w->r->references[entry->first_reference + w->followed[at]++ - 1];
        uint32_t next = w->r->names[name].entry;
        if (next != REGISTRATION_NONE && next != at && w->followed[next] != DONE)
            return next;
    }
    return DONE;
}

/* Searches below an entry; returns an entry that is part of a cycle, or DONE. */
static uint32_t find_cycle(struct walk *w, uint32_t start)
{
    w->path[0] = start;
    w->followed[start] = 1;
    for (w->depth = 1; w->depth > 0;) {
        uint32_t next = next_entry(w);
        if (next == DONE) {
            w->followed[w->path[--w->depth]] = DONE;
        } else if (w->followed[next] != UNSEEN) {
            return next;
        } else {
            w->followed[next] = 1;
            w->path[w->depth++] = next;
        }
    }
    return DONE;
}

int registration_check_acyclic(const struct registration *r, struct error *e)
{
    uint32_t *followed CLEANUP_FREE = xcalloc(r->entry_count, sizeof *followed);
    uint32_t *path CLEANUP_FREE = xcalloc(r->entry_count, sizeof *path);
    struct walk walk = {.r = r, .followed = followed, .path = path};
    for (uint32_t i = 0; i < r->entry_count; i++) {
        if (followed[i] != UNSEEN)
            continue;
        uint32_t found = find_cycle(&walk, i);
        if (found == DONE)
            continue;
        const struct registration_entry *last = &r->entries[path[walk.depth - 1]];
        return error_set(e, -EBADMSG, "%s:%u: %s refers to %s, which refers back to it: a cycle",
                         r->file, last->line, registration_text(r, last->name),
                         registration_text(r, r->entries[found].name));
    }
    return 0;
}

void registration_free(struct registration *r)
{
    free(r->texts);
    free(r->names);
    free(r->entries);
    free(r->references);
    *r = (struct registration){0};
}

bool registration_is_derivation(const struct registration *r, uint32_t name)
{
    enum { SUFFIX = 4 };
    const struct registration_name *n = &r->names[name];
    return memcmp(r->texts + n->text + n->length - SUFFIX, ".drv", SUFFIX) == 0;
}
