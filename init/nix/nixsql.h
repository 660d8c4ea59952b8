/* SPDX-License-Identifier: MIT */
/* SQLite for the Nix database: turns each failure into a negative errno and a message that names
 * the file, the fault and the remedy. Only the files nix*.c include this. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

struct nixsql {
    sqlite3 *handle; /* NULL: closed */
    const char *file;
};

/* struct nixsql db CLEANUP_NIXSQL = {0}; rolls back an uncommitted transaction. */
#define CLEANUP_NIXSQL CLEANUP(nixsql_abandon)
void nixsql_abandon(struct nixsql *db);

/* A prepared statement that finalizes itself. */
#define CLEANUP_STATEMENT CLEANUP(nixsql_finalize)
void nixsql_finalize(sqlite3_stmt **statement);

/* Opens `file`, whose name must outlive `db`. NIXSQL_IMMUTABLE reads a file that no process writes
 * meanwhile (see nixreadlock.h), without locks, journals or any other file. */
enum nixsql_mode { NIXSQL_CREATE, NIXSQL_WRITE, NIXSQL_IMMUTABLE };
int nixsql_open(struct nixsql *db, const char *file, enum nixsql_mode mode, struct error *e);

/* Closes the database, and reports an error of SQLite's last writes. */
int nixsql_close(struct nixsql *db, struct error *e);

/* Executes one or more statements; prepares one. */
int nixsql_exec(struct nixsql *db, const char *sql, struct error *e);
int nixsql_prepare(struct nixsql *db, const char *sql, sqlite3_stmt **statement, struct error *e);

/* Runs a bound statement that returns no rows, and resets it. */
int nixsql_run(struct nixsql *db, sqlite3_stmt *statement, struct error *e);

/* Steps a statement. Returns 1 for a row, 0 after the last one, or a negative errno. Does not
 * reset. */
int nixsql_step(struct nixsql *db, sqlite3_stmt *statement, struct error *e);

/* Sets the message of SQLite's last error; returns its negative errno. */
int nixsql_error(struct nixsql *db, struct error *e);
