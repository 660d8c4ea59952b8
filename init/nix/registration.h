/* SPDX-License-Identifier: MIT */
/* The registration format of `nix-store --dump-db` and `--load-db`: bytes in, structs out.
 *
 * For each store path one line each: the path, its NAR's SHA-256, the NAR's size in bytes, the
 * deriver (may be empty), the number of references, the references. What is accepted is what Nix
 * 2.8 and 2.26 accept, with two exceptions: a last line without its newline is an error (Nix drops
 * some of these in silence), and so is a path that is not written in its shortest form.
 *
 * A path is held once however often it is named: 50,000 paths with 400,000 references, 30 MB of
 * text, take about 12 MB. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define REGISTRATION_STORE_DIR "/nix/store"
#define REGISTRATION_NONE      UINT32_MAX /* as a deriver: there is none */

enum { REGISTRATION_HASH_BYTES = 32 };

/* A store path that the file names, as an entry, reference or deriver. */
struct registration_name {
    uint32_t text;   /* where its text begins, see registration_text() */
    uint32_t length; /* bytes of it */
    uint32_t entry;  /* its place among the entries, or REGISTRATION_NONE */
    uint32_t line;   /* the line that named it first (beyond 2^32 lines: the last number) */
};

struct registration_entry {
    uint8_t hash[REGISTRATION_HASH_BYTES];
    uint64_t nar_size;
    uint32_t name;    /* its place among the names */
    uint32_t deriver; /* likewise, or REGISTRATION_NONE */
    uint32_t first_reference;
    uint32_t reference_count;
    uint32_t line; /* where the entry begins */
};

/* Names are in the byte order of their texts, entries in the order of their names, and each
 * entry's references in that order too, without repetition; where a path was registered twice the
 * last one stands. It is the order in which Nix writes its rows. */
struct registration {
    const char *file; /* what the parser was told; not owned */
    char *texts;      /* owned, as all that follow */
    struct registration_name *names;
    struct registration_entry *entries;
    uint32_t *references; /* places among the names */
    uint32_t name_count;
    uint32_t entry_count;
    uint32_t reference_count; /* those that entries use; repeated ones left holes */
};

/* struct registration r CLEANUP_REGISTRATION = {0}; */
#define CLEANUP_REGISTRATION CLEANUP(registration_free)
void registration_free(struct registration *r);

/* The path of a name, ended by a NUL; valid as long as the registration. */
static inline const char *registration_text(const struct registration *r, uint32_t name)
{
    return r->texts + r->names[name].text;
}

/* Whether the path of a name is a derivation's. */
bool registration_is_derivation(const struct registration *r, uint32_t name);

/* Brings names, entries and references as they were read into the order that registration.h
 * promises; of entries for the same path only the one that its name points to stays. `skip` is how
 * many bytes all paths have in common at their start. */
void registration_order(struct registration *r, size_t skip);

/* Returns 0, or -EBADMSG and a message with the file, a line and two paths of the cycle. That a
 * path refers to itself is no cycle. */
int registration_check_acyclic(const struct registration *r, struct error *e);
