/* SPDX-License-Identifier: MIT */
/* Eponymous virtual tables (https://www.sqlite.org/vtab.html): they exist without CREATE. */
#include "init/nix/nixvtable.h"

#include <string.h>

#include "base/alloc.h"
#include "init/nix/nixrows.h"

struct table {
    sqlite3_vtab base; /* first: SQLite has a pointer to this only */
    const struct registration *registration;
};

struct cursor {
    sqlite3_vtab_cursor base; /* likewise */
    const struct registration *registration;
    uint32_t entry;
    uint32_t reference; /* index among the entry's references */
};

static int connect_as(sqlite3 *db, const char *declaration, void *registration,
                      sqlite3_vtab **result)
{
    int r = sqlite3_declare_vtab(db, declaration);
    if (r != SQLITE_OK)
        return r;
    struct table *table = xcalloc(1, sizeof *table);
    table->registration = registration;
    *result = &table->base;
    return SQLITE_OK;
}

static int connect_entries(sqlite3 *db, void *registration, int argc, const char *const *argv,
                           sqlite3_vtab **result, char **message)
{
    (void)argc, (void)argv, (void)message;
    return connect_as(db, "create table t (path, hash, deriver, narSize)", registration, result);
}

static int connect_references(sqlite3 *db, void *registration, int argc, const char *const *argv,
                              sqlite3_vtab **result, char **message)
{
    (void)argc, (void)argv, (void)message;
    return connect_as(db, "create table t (referrer, reference)", registration, result);
}

static int disconnect(sqlite3_vtab *base)
{
    free(base);
    return SQLITE_OK;
}

/* Reads whole tables only: there is no index to choose. */
static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    info->estimatedCost = 1e6;
    return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **result)
{
    struct cursor *cursor = xcalloc(1, sizeof *cursor);
    cursor->registration = ((struct table *)base)->registration;
    *result = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    free(base);
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    const struct cursor *c = (struct cursor *)base;
    return c->entry >= c->registration->entry_count;
}

static int next_entry(sqlite3_vtab_cursor *base)
{
    ((struct cursor *)base)->entry++;
    return SQLITE_OK;
}

/* Advances to an entry that has references left. */
static void skip_exhausted(struct cursor *c)
{
    while (!at_end(&c->base) &&
           c->reference >= c->registration->entries[c->entry].reference_count) {
        c->entry++;
        c->reference = 0;
    }
}

static int next_reference(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;
    c->reference++;
    skip_exhausted(c);
    return SQLITE_OK;
}

static int rewind_entries(sqlite3_vtab_cursor *base, int number, const char *name, int argc,
                          sqlite3_value **argv)
{
    (void)number, (void)name, (void)argc, (void)argv;
    ((struct cursor *)base)->entry = 0;
    return SQLITE_OK;
}

static int rewind_references(sqlite3_vtab_cursor *base, int number, const char *name, int argc,
                             sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    (void)rewind_entries(base, number, name, argc, argv);
    c->reference = 0;
    skip_exhausted(c);
    return SQLITE_OK;
}

static void give_name(sqlite3_context *context, const struct registration *r, uint32_t name)
{
    if (name != REGISTRATION_NONE)
        sqlite3_result_text(context, registration_text(r, name), (int)r->names[name].length,
                            SQLITE_STATIC);
}

/* Leaves a column null by setting no result. */
static int entry_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    enum { PATH, HASH, DERIVER, NAR_SIZE };
    const struct cursor *c = (struct cursor *)base;
    const struct registration_entry *entry = &c->registration->entries[c->entry];
    if (column == PATH) {
        give_name(context, c->registration, entry->name);
    } else if (column == DERIVER) {
        give_name(context, c->registration, entry->deriver);
    } else if (column == HASH) {
        char text[NIXROWS_HASH_LENGTH + 1];
        nixrows_hash_text(entry, text);
        sqlite3_result_text(context, text, NIXROWS_HASH_LENGTH, SQLITE_TRANSIENT);
    } else if (column == NAR_SIZE && entry->nar_size != 0) {
        sqlite3_result_int64(context, (int64_t)entry->nar_size);
    }
    return SQLITE_OK;
}

static int reference_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    enum { REFERRER };
    const struct cursor *c = (struct cursor *)base;
    const struct registration *r = c->registration;
    uint32_t first = r->entries[c->entry].first_reference;
    uint32_t entry =
        column == REFERRER ? c->entry : r->names[r->references[first + c->reference]].entry;
    sqlite3_result_int64(context, (int64_t)entry + 1);
    return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *id)
{
    const struct cursor *c = (struct cursor *)base;
    *id = (int64_t)c->entry + 1;
    return SQLITE_OK;
}

static const sqlite3_module entries_module = {
    .xConnect = connect_entries,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = rewind_entries,
    .xNext = next_entry,
    .xEof = at_end,
    .xColumn = entry_column,
    .xRowid = row_id,
};

static const sqlite3_module references_module = {
    .xConnect = connect_references,
    .xBestIndex = best_index,
    .xDisconnect = disconnect,
    .xOpen = open_cursor,
    .xClose = close_cursor,
    .xFilter = rewind_references,
    .xNext = next_reference,
    .xEof = at_end,
    .xColumn = reference_column,
    .xRowid = row_id,
};

int nixvtable_offer(struct nixsql *db, const struct registration *r, struct error *e)
{
    void *data = (void *)r;
    if (sqlite3_create_module(db->handle, "registered", &entries_module, data) != SQLITE_OK ||
        sqlite3_create_module(db->handle, "registeredRefs", &references_module, data) != SQLITE_OK)
        return nixsql_error(db, e);
    return 0;
}
