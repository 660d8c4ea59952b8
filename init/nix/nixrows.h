/* SPDX-License-Identifier: MIT */
/* Statements on Nix's tables, and the rows that registering a path adds to them. */
#pragma once

#include <stdint.h>

#include "init/nix/nixsql.h"
#include "init/nix/nixtarget.h"
#include "init/nix/registration.h"

/* The statements that add rows, up to "values" or "select". */
#define NIXROWS_INTO_PATHS                                                                         \
    "insert into ValidPaths (path, hash, registrationTime, deriver, narSize) "
#define NIXROWS_INTO_REFERENCES "insert into Refs (referrer, reference) "

enum nixrows_statement {
    NIXROWS_ADD_PATH,
    NIXROWS_ADD_REFERENCE,
    NIXROWS_ADD_OUTPUT,
    NIXROWS_FIND_ID, /* reads only the index */
    NIXROWS_FIND_PATH,
    NIXROWS_FIND_REFERENCES,
    NIXROWS_UPDATE_PATH,
    NIXROWS_STATEMENTS,
};

struct nixrows {
    struct nixsql *db;
    const struct nixtarget *target;
    const struct registration *registration;
    int64_t now; /* registrationTime of new rows */
    sqlite3_stmt *statements[NIXROWS_STATEMENTS];
};

/* struct nixrows rows CLEANUP_NIXROWS = {.db = …}; declare it after the database, whose cleanup
 * must run later. */
#define CLEANUP_NIXROWS CLEANUP(nixrows_free)
void nixrows_free(struct nixrows *rows);

/* Prepares one statement for the functions below; its tables must exist. These functions return 0
 * or a negative errno with the reason. */
int nixrows_prepare(struct nixrows *rows, enum nixrows_statement statement, struct error *e);

/* NIXROWS_ADD_PATH: adds the row of an entry, and sets *id to its id. */
int nixrows_add_path(struct nixrows *rows, const struct registration_entry *entry, int64_t *id,
                     struct error *e);

/* NIXROWS_ADD_REFERENCE: adds a reference between two rows. */
int nixrows_add_reference(struct nixrows *rows, int64_t referrer, int64_t reference,
                          struct error *e);

/* NIXROWS_ADD_OUTPUT: if the entry is a derivation, reads its file in the store and adds its
 * outputs. */
int nixrows_add_outputs(struct nixrows *rows, const struct registration_entry *entry, int64_t id,
                        struct error *e);

/* Writes the entry's hash as the database has it: "sha256:" and base 16. */
enum { NIXROWS_HASH_LENGTH = 7 + 2 * REGISTRATION_HASH_BYTES };
void nixrows_hash_text(const struct registration_entry *entry, char text[NIXROWS_HASH_LENGTH + 1]);
