/* SPDX-License-Identifier: MIT */
#include "init/nix/registrationparser.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "init/nix/nametable.h"
#include "init/nix/storepath.h"

enum {
    /* The longest valid line is a path: a store directory and a base name. */
    LINE_MAX_BYTES = 4096 + 256,
};

struct registrationparser {
    const char *file;
    char *prefix; /* the store directory and a slash */
    size_t prefix_length;
    uint64_t line; /* number of the current line */
    size_t field;  /* index of the current line in `fields` */
    char *partial; /* beginning of a line that the next block continues */
    size_t partial_length;
    struct registration_entry entry; /* being read */
    const char *owner_path;          /* NULL: none */
    struct registration_entry owner;
    uint32_t references_left;
    struct nametable names;
    struct registration_entry *entries;
    uint32_t entry_count;
    uint32_t *references;
    uint32_t reference_count;
};

/* Returns the beginning of a line for a message, without control characters; the caller frees. */
static char *quotable(const char *text, size_t length)
{
    enum { SHOWN = 100 };
    char *copy = xcalloc(SHOWN + 4, 1);
    for (size_t i = 0; i < length && i < SHOWN; i++)
        copy[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    if (length > SHOWN)
        memcpy(copy + SHOWN, "...", 4);
    return copy;
}

static int bad_line(const struct registrationparser *p, struct error *e, const char *text,
                    size_t length, const char *reason)
{
    char *quoted CLEANUP_FREE = quotable(text, length);
    return error_set(e, -EBADMSG, "%s:%llu: \"%s\": %s", p->file, (unsigned long long)p->line,
                     quoted, reason);
}

static uint32_t line_number(const struct registrationparser *p)
{
    return p->line < UINT32_MAX ? (uint32_t)p->line : UINT32_MAX;
}

/* Checks a store path and sets *name to the index of its name. */
static int take_path(struct registrationparser *p, const char *text, size_t length, uint32_t *name,
                     struct error *e)
{
    *name = nametable_find(&p->names, text, length, p->prefix_length);
    if (*name != REGISTRATION_NONE)
        return 0;
    if (length < p->prefix_length || memcmp(text, p->prefix, p->prefix_length) != 0) {
        char *reason CLEANUP_FREE =
            xasprintf("is not a path in the store %.*s", (int)p->prefix_length - 1, p->prefix);
        return bad_line(p, e, text, length, reason);
    }
    const char *fault = storepath_base_fault(text + p->prefix_length, length - p->prefix_length);
    if (fault) {
        char *reason CLEANUP_FREE = xasprintf("is not a store path: %s", fault);
        return bad_line(p, e, text, length, reason);
    }
    *name = nametable_add(&p->names, text, length, p->prefix_length, line_number(p));
    if (*name == REGISTRATION_NONE)
        return bad_line(p, e, text, length, "the registration is larger than 4 GiB");
    return 0;
}

/* Parses a number as Nix does: digits, optionally after a '+'. False if it is none or above
 * `limit`. */
static bool parse_number(const char *text, size_t length, uint64_t limit, uint64_t *number)
{
    uint64_t n = 0;
    size_t i = length > 1 && text[0] == '+';
    if (i == length)
        return false;
    for (; i < length; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *number = n;
    return n <= limit;
}

static int field_path(struct registrationparser *p, const char *text, size_t length,
                      struct error *e)
{
    p->entry = (struct registration_entry){.line = line_number(p)};
    return take_path(p, text, length, &p->entry.name, e);
}

static int field_hash(struct registrationparser *p, const char *text, size_t length,
                      struct error *e)
{
    const char *fault = storepath_parse_sha256(text, length, p->entry.hash);
    return fault ? bad_line(p, e, text, length, fault) : 0;
}

static int field_size(struct registrationparser *p, const char *text, size_t length,
                      struct error *e)
{
    if (!parse_number(text, length, UINT64_MAX, &p->entry.nar_size))
        return bad_line(p, e, text, length, "the size is not a number of bytes");
    return 0;
}

static int field_deriver(struct registrationparser *p, const char *text, size_t length,
                         struct error *e)
{
    p->entry.deriver = REGISTRATION_NONE;
    return length ? take_path(p, text, length, &p->entry.deriver, e) : 0;
}

static int field_count(struct registrationparser *p, const char *text, size_t length,
                       struct error *e)
{
    uint64_t count;
    if (!parse_number(text, length, INT32_MAX, &count))
        return bad_line(p, e, text, length, "the number of references is not a number");
    p->entry.first_reference = p->reference_count;
    p->references_left = (uint32_t)count;
    return 0;
}

static void push_reference(struct registrationparser *p, uint32_t name)
{
    ARRAY_PUSH(p->references, p->reference_count, name);
    p->entry.reference_count++;
}

static int field_reference(struct registrationparser *p, const char *text, size_t length,
                           struct error *e)
{
    uint32_t name;
    int r = take_path(p, text, length, &name, e);
    if (r < 0)
        return r;
    push_reference(p, name);
    p->references_left--;
    return 0;
}

static const struct {
    const char *what;
    int (*take)(struct registrationparser *p, const char *text, size_t length, struct error *e);
} fields[] = {
    {"a path", field_path},   {"a hash", field_hash},
    {"a size", field_size},   {"a deriver, or an empty line", field_deriver},
    {"a count", field_count}, {"a reference", field_reference},
};
enum { FIELD_PATH, FIELD_REFERENCE = ELEMENTS(fields) - 1 };

static void end_entry(struct registrationparser *p)
{
    p->names.names[p->entry.name].entry = p->entry_count;
    ARRAY_PUSH(p->entries, p->entry_count, p->entry);
    p->field = FIELD_PATH;
}

static int take_line(struct registrationparser *p, const char *text, size_t length, struct error *e)
{
    int r = fields[p->field].take(p, text, length, e);
    if (r < 0)
        return r;
    if (p->field < FIELD_REFERENCE)
        p->field++;
    if (p->field == FIELD_REFERENCE && p->references_left == 0)
        end_entry(p);
    p->line++;
    return 0;
}

/* Keeps the beginning of a line until the next block. */
static int keep(struct registrationparser *p, const char *text, size_t length, struct error *e)
{
    if (p->partial_length + length > LINE_MAX_BYTES)
        return bad_line(p, e, p->partial_length ? p->partial : text,
                        p->partial_length ? p->partial_length : length,
                        "the line is longer than a path can be");
    memcpy(p->partial + p->partial_length, text, length);
    p->partial_length += length;
    return 0;
}

struct registrationparser *registrationparser_new(const char *store_dir, const char *file)
{
    struct registrationparser *p = xcalloc(1, sizeof *p);
    p->file = file;
    p->prefix = xasprintf("%s/", store_dir);
    p->prefix_length = strlen(p->prefix);
    p->partial = xcalloc(LINE_MAX_BYTES, 1);
    p->line = 1;
    return p;
}

void registrationparser_free(struct registrationparser **parser)
{
    struct registrationparser *p = *parser;
    *parser = NULL;
    if (!p)
        return;
    nametable_free(&p->names);
    free(p->entries);
    free(p->references);
    free(p->partial);
    free(p->prefix);
    free(p);
}

int registrationparser_feed(struct registrationparser *p, const char *bytes, size_t length,
                            struct error *e)
{
    for (const char *end = bytes + length; bytes < end;) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t part = (size_t)((newline ? newline : end) - bytes);
        if (!newline || p->partial_length || part > LINE_MAX_BYTES) {
            int r = keep(p, bytes, part, e);
            if (r < 0)
                return r;
        }
        if (newline) {
            int r = p->partial_length ? take_line(p, p->partial, p->partial_length, e)
                                      : take_line(p, bytes, part, e);
            if (r < 0)
                return r;
            p->partial_length = 0;
        }
        bytes += part + 1;
    }
    return 0;
}

/* Refuses a truncated file: one that ends within a line or an entry. */
static int check_end(const struct registrationparser *p, struct error *e)
{
    if (p->partial_length)
        return bad_line(p, e, p->partial, p->partial_length,
                        "the file ends within this line; it is truncated");
    if (p->field == FIELD_PATH)
        return 0;
    return error_set(e, -EBADMSG,
                     "%s:%llu: the file ends where %s should follow, within the entry of %s that "
                     "begins in line %u; it is truncated",
                     p->file, (unsigned long long)p->line, fields[p->field].what,
                     p->names.texts + p->names.names[p->entry.name].text, p->entry.line);
}

void registrationparser_set_owner(struct registrationparser *p, const char *path,
                                  const uint8_t hash[REGISTRATION_HASH_BYTES], uint64_t nar_size)
{
    p->owner_path = path;
    p->owner = (struct registration_entry){.nar_size = nar_size, .deriver = REGISTRATION_NONE};
    memcpy(p->owner.hash, hash, sizeof p->owner.hash);
}

static void add_owner(struct registrationparser *p)
{
    const char *path = p->owner_path;
    size_t length = path ? strlen(path) : 0;
    if (!path || nametable_find(&p->names, path, length, p->prefix_length) != REGISTRATION_NONE)
        return;
    uint32_t name = nametable_add(&p->names, path, length, p->prefix_length, line_number(p));
    if (name == REGISTRATION_NONE)
        return;
    p->entry = p->owner;
    p->entry.name = name;
    p->entry.line = line_number(p);
    p->entry.first_reference = p->reference_count;
    for (uint32_t i = 0; i < name; i++)
        if (p->names.names[i].entry != REGISTRATION_NONE)
            push_reference(p, i);
    end_entry(p);
}

int registrationparser_finish(struct registrationparser *p, struct registration *r, struct error *e)
{
    int result = check_end(p, e);
    if (result < 0)
        return result;
    add_owner(p);
    free(p->names.slots);
    p->names.slots = NULL;
    *r = (struct registration){
        .file = p->file,
        .texts = p->names.texts,
        .names = p->names.names,
        .entries = p->entries,
        .references = p->references,
        .name_count = p->names.count,
        .entry_count = p->entry_count,
        .reference_count = p->reference_count,
    };
    p->names = (struct nametable){0};
    p->entries = NULL;
    p->references = NULL;
    registration_order(r, p->prefix_length);
    result = registration_check_acyclic(r, e);
    if (result < 0)
        registration_free(r);
    return result;
}
