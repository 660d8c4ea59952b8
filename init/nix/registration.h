/* SPDX-License-Identifier: MIT */
/* The content of a registration file: store paths with their hashes and references. Each path is
 * stored once, however often it occurs: 50,000 paths with 400,000 references, 30 MB of text, take
 * about 12 MB. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define REGISTRATION_NONE UINT32_MAX /* no name, no entry */

enum { REGISTRATION_HASH_BYTES = 32 };

/* A store path that occurs in the file as an entry, reference or deriver. */
struct registration_name {
    uint32_t text;   /* offset of its text, see registration_text() */
    uint32_t length; /* in bytes */
    uint32_t entry;  /* index of its entry, or REGISTRATION_NONE */
    uint32_t line;   /* of its first occurrence; UINT32_MAX also for all later lines */
};

struct registration_entry {
    uint8_t hash[REGISTRATION_HASH_BYTES];
    uint64_t nar_size;
    uint32_t name;    /* index of its name */
    uint32_t deriver; /* likewise, or REGISTRATION_NONE */
    uint32_t first_reference;
    uint32_t reference_count;
    uint32_t line; /* of the file, where the entry begins */
};

/* Names are in the byte order of their texts, entries in the order of their names, and so are each
 * entry's references, without duplicates. If a path was registered twice the last entry is kept.
 * Nix writes its rows in this order. */
struct registration {
    const char *file; /* name of the file in messages; not owned */
    char *texts;      /* owned, as all that follow */
    struct registration_name *names;
    struct registration_entry *entries;
    uint32_t *references; /* indexes of names */
    uint32_t name_count;
    uint32_t entry_count;
    uint32_t reference_count; /* in use; removed duplicates leave gaps in `references` */
};

/* struct registration r CLEANUP_REGISTRATION = {0}; */
#define CLEANUP_REGISTRATION CLEANUP(registration_free)
void registration_free(struct registration *r);

/* Returns the path of a name, terminated by a NUL; valid as long as the registration. */
static inline const char *registration_text(const struct registration *r, uint32_t name)
{
    return r->texts + r->names[name].text;
}

/* True if the name is the path of a derivation (.drv). */
bool registration_is_derivation(const struct registration *r, uint32_t name);

/* Sorts names, entries and references, as they were read, into the order described above. Of
 * several entries for one path keeps the one that the name points to. All paths begin with the same
 * `skip` bytes. */
void registration_order(struct registration *r, size_t skip);

/* Returns 0, or -EBADMSG if the references form a cycle; the message has the file, a line and two
 * paths of the cycle. A reference of a path to itself is allowed. */
int registration_check_acyclic(const struct registration *r, struct error *e);
