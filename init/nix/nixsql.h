/* SPDX-License-Identifier: MIT */
/* SQLite as the Nix database uses it: every failure becomes an errno and a message that names the
 * file, what is wrong with it and what to do. Only the files nix*.c include this. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

struct nixsql {
    sqlite3 *handle; /* NULL: closed */
    const char *file;
};

/* struct nixsql db CLEANUP_NIXSQL = {0}; rolls back what was not committed. */
#define CLEANUP_NIXSQL CLEANUP(nixsql_abandon)
void nixsql_abandon(struct nixsql *db);

/* A prepared statement that finalizes itself. */
#define CLEANUP_STATEMENT CLEANUP(nixsql_finalize)
void nixsql_finalize(sqlite3_stmt **statement);

/* Opens `file`, which must outlive `db`. NIXSQL_IMMUTABLE reads a file that nobody writes while it
 * is open, without locks, journals or any other file. */
enum nixsql_mode { NIXSQL_CREATE, NIXSQL_WRITE, NIXSQL_IMMUTABLE };
int nixsql_open(struct nixsql *db, const char *file, enum nixsql_mode mode, struct error *e);

/* Closes; an error in SQLite's last writes is reported. */
int nixsql_close(struct nixsql *db, struct error *e);

int nixsql_exec(struct nixsql *db, const char *sql, struct error *e);
int nixsql_prepare(struct nixsql *db, const char *sql, sqlite3_stmt **statement, struct error *e);

/* Runs a bound statement that returns no rows, and resets it. */
int nixsql_run(struct nixsql *db, sqlite3_stmt *statement, struct error *e);

/* 1: there is a row, 0: there is none, or a negative errno. Does not reset. */
int nixsql_step(struct nixsql *db, sqlite3_stmt *statement, struct error *e);

/* The errno and message for what SQLite said last. */
int nixsql_error(struct nixsql *db, struct error *e);
