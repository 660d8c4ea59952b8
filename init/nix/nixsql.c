/* SPDX-License-Identifier: MIT */
#include "init/nix/nixsql.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

/* The errno and the remedy for SQLite's primary result codes. */
static const struct {
    int code;
    int number;
    const char *remedy;
} failures[] = {
    {SQLITE_FULL, ENOSPC, "the disk is full; make room, nothing was changed"},
    {SQLITE_READONLY, EROFS, "it is read-only; nothing was changed"},
    {SQLITE_BUSY, EBUSY, "another process has locked it; end that process, nothing was changed"},
    {SQLITE_LOCKED, EBUSY, "another process has locked it; end that process, nothing was changed"},
    {SQLITE_NOMEM, ENOMEM, "there is not enough memory; nothing was changed"},
    {SQLITE_CORRUPT, EUCLEAN, NULL},
    {SQLITE_NOTADB, EUCLEAN, NULL},
    /* a statement whose table or column is missing cannot be prepared */
    {SQLITE_ERROR, ENOTSUP, "its tables are not those of schema 10; nothing was changed"},
};

static const char damaged[] =
    "the database is damaged and was left as it is; move it away (a new one is then made at the "
    "next boot) or recover it with: sqlite3 db.sqlite .recover";

int nixsql_error(struct nixsql *db, struct error *e)
{
    int code = sqlite3_errcode(db->handle) & 0xff;
    const char *text = sqlite3_errmsg(db->handle);
    for (size_t i = 0; i < ELEMENTS(failures); i++)
        if (failures[i].code == code)
            return error_set(e, -failures[i].number, "%s: %s: %s", db->file, text,
                             failures[i].remedy ? failures[i].remedy : damaged);
    int number = sqlite3_system_errno(db->handle);
    if (number <= 0)
        number = EIO;
    return error_set(e, -number, "%s: %s: %s; nothing was changed", db->file, text,
                     strerror(number));
}

/* Switches off mutexes and memory statistics, which cost at every allocation: init has one thread.
 * Takes effect only before the first use of SQLite. */
static void configure_once(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Returns `file` as a URI of SQLite's that opens it as immutable; the caller frees. */
static char *uri_of(const char *file)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char parameters[] = "?mode=ro&immutable=1";
    char *uri = xcalloc(strlen(file) * 3 + sizeof parameters + sizeof "file://", 1);
    /* an empty authority: the name may begin with "//" */
    char *out = stpcpy(uri, file[0] == '/' ? "file://" : "file:");
    for (; *file; file++) {
        if (strchr("%?#", *file)) {
            *out++ = '%';
            *out++ = digits[(unsigned char)*file >> 4];
            *out++ = digits[*file & 15];
        } else {
            *out++ = *file;
        }
    }
    (void)stpcpy(out, parameters);
    return uri;
}

int nixsql_open(struct nixsql *db, const char *file, enum nixsql_mode mode, struct error *e)
{
    char *uri CLEANUP_FREE = mode == NIXSQL_IMMUTABLE ? uri_of(file) : NULL;
    int flags =
        mode == NIXSQL_IMMUTABLE ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI : SQLITE_OPEN_READWRITE;
    if (mode == NIXSQL_CREATE)
        flags |= SQLITE_OPEN_CREATE;
    *db = (struct nixsql){.file = file};
    configure_once();
    if (sqlite3_open_v2(uri ? uri : file, &db->handle, flags, NULL) != SQLITE_OK) {
        int r = nixsql_error(db, e);
        nixsql_abandon(db);
        return r;
    }
    return 0;
}

void nixsql_abandon(struct nixsql *db)
{
    (void)sqlite3_close_v2(db->handle);
    db->handle = NULL;
}

int nixsql_close(struct nixsql *db, struct error *e)
{
    if (sqlite3_close(db->handle) != SQLITE_OK)
        return nixsql_error(db, e);
    db->handle = NULL;
    return 0;
}

int nixsql_exec(struct nixsql *db, const char *sql, struct error *e)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : nixsql_error(db, e);
}

int nixsql_prepare(struct nixsql *db, const char *sql, sqlite3_stmt **statement, struct error *e)
{
    int r = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return r == SQLITE_OK ? 0 : nixsql_error(db, e);
}

void nixsql_finalize(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
    *statement = NULL;
}

int nixsql_run(struct nixsql *db, sqlite3_stmt *statement, struct error *e)
{
    int r = sqlite3_step(statement) == SQLITE_DONE ? 0 : nixsql_error(db, e);
    (void)sqlite3_reset(statement);
    return r;
}

int nixsql_step(struct nixsql *db, sqlite3_stmt *statement, struct error *e)
{
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        return 1;
    case SQLITE_DONE:
        return 0;
    default:
        return nixsql_error(db, e);
    }
}
