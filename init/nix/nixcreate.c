/* SPDX-License-Identifier: MIT */
#include "init/nix/nixcreate.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "init/nix/durable.h"
#include "init/nix/nixrows.h"
#include "init/nix/nixschema.h"
#include "init/nix/nixvtable.h"

#define NEW_NAME "db.sqlite.new"

/* No other process sees the file before it is complete, so it needs neither journal nor locks, and
 * is synced once at the end. Rows are inserted in the order of the tables' keys, which fills page
 * after page; the indexes are built by sorting. A larger cache would save nothing, and a small
 * machine has no memory for it. */
static const char settings[] =
    "pragma page_size = 4096; pragma encoding = 'UTF-8'; pragma locking_mode = exclusive;"
    "pragma journal_mode = off; pragma synchronous = off; pragma temp_store = memory;"
    "pragma cache_size = -2000; begin";

/* Sets WAL mode in the file's header (SQLite's file format, offset 18), so that Nix need not write
 * it when it opens the database. */
static const char finish[] = "commit; pragma journal_mode = wal";

/* Rows get the ids 1, 2 … in the order of the entries; the references rely on that. */
static int add_paths(struct nixrows *rows, struct error *e)
{
    char *sql CLEANUP_FREE =
        xasprintf(NIXROWS_INTO_PATHS "select path, hash, %lld, deriver, narSize from registered",
                  (long long)rows->now);
    return nixsql_exec(rows->db, sql, e);
}

static int add_references(struct nixrows *rows, struct error *e)
{
    return nixsql_exec(rows->db,
                       NIXROWS_INTO_REFERENCES "select referrer, reference from registeredRefs", e);
}

static int add_outputs(struct nixrows *rows, struct error *e)
{
    const struct registration *reg = rows->registration;
    int r = nixrows_prepare(rows, NIXROWS_ADD_OUTPUT, e);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < reg->entry_count; i++) {
        r = nixrows_add_outputs(rows, &reg->entries[i], (int64_t)i + 1, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Functions that insert rows, by the part of the schema that must exist. */
static int (*const fillers[NIXSCHEMA_PARTS])(struct nixrows *, struct error *) = {
    [NIXSCHEMA_VALID_PATHS] = add_paths,
    [NIXSCHEMA_REFS] = add_references,
    [NIXSCHEMA_OUTPUTS] = add_outputs,
};

static int fill(struct nixrows *rows, struct error *e)
{
    int r = nixvtable_offer(rows->db, rows->registration, e);
    if (r < 0)
        return r;
    for (enum nixschema_part part = 0; part < NIXSCHEMA_PARTS; part++) {
        r = nixschema_create(rows->db, rows->target->version, part, e);
        if (r < 0)
            return r;
        r = fillers[part] ? fillers[part](rows, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int build(const char *file, const struct nixtarget *target, const struct registration *r,
                 int64_t now, struct error *e)
{
    struct nixsql db CLEANUP_NIXSQL = {0};
    int code = nixsql_open(&db, file, NIXSQL_CREATE, e);
    if (code < 0)
        return code;
    code = nixsql_exec(&db, settings, e);
    if (code < 0)
        return code;
    struct nixrows rows CLEANUP_NIXROWS = {
        .db = &db, .target = target, .registration = r, .now = now};
    code = fill(&rows, e);
    if (code < 0)
        return code;
    nixrows_free(&rows); /* unfinished statements would keep the database open */
    code = nixsql_exec(&db, finish, e);
    return code < 0 ? code : nixsql_close(&db, e);
}

/* Removes files of an interrupted attempt, or of a database that was moved away: SQLite would apply
 * an old log to the new database. */
static int remove_leftovers(const char *db_dir, struct error *e)
{
    static const char *const names[] = {NEW_NAME, NEW_NAME "-wal", "db.sqlite-wal", "db.sqlite-shm",
                                        "db.sqlite-journal"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *name CLEANUP_FREE = xasprintf("%s/%s", db_dir, names[i]);
        if (unlink(name) < 0 && errno != ENOENT)
            return error_errno(e, errno, "%s: cannot be removed", name);
    }
    return 0;
}

int nixcreate_database(const char *db_dir, const struct nixtarget *target,
                       const struct registration *r, int64_t now, struct error *e)
{
    char *temporary CLEANUP_FREE = xasprintf("%s/" NEW_NAME, db_dir);
    char *final CLEANUP_FREE = xasprintf("%s/db.sqlite", db_dir);
    int code = remove_leftovers(db_dir, e);
    if (code < 0)
        return code;
    code = build(temporary, target, r, now, e);
    if (code == 0)
        code = durable_publish(temporary, final, e);
    if (code < 0)
        (void)remove_leftovers(db_dir, NULL);
    return code;
}
