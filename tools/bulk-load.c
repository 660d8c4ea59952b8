/* SPDX-License-Identifier: MIT */
/* bulk-load FILE <ROWS: writes the rows of a Nix database to a new file with the least work that
 * SQLite can do: one transaction, prepared statements, rows in the order of their tables, indexes
 * last, no journal, no sync. A yardstick for measurements, not a safe or exact copy.
 *
 * ROWS are lines of fields separated by tabs: "P path hash time deriver size", "R from to". */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char tables[] =
    "pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive; begin;"
    "create table ValidPaths (id integer primary key autoincrement not null, path text unique not "
    "null, hash text not null, registrationTime integer not null, deriver text, narSize integer, "
    "ultimate integer, sigs text, ca text);"
    "create table Refs (referrer integer not null, reference integer not null, primary key "
    "(referrer, reference));"
    "create table DerivationOutputs (drv integer not null, id text not null, path text not null, "
    "primary key (drv, id))";

static const char indexes[] =
    "create index IndexReferrer on Refs(referrer); create index IndexReference on Refs(reference);"
    "create index IndexDerivationOutputs on DerivationOutputs(path); commit";

static const char *const inserts[] = {
    "insert into ValidPaths (path, hash, registrationTime, deriver, narSize) values (?,?,?,?,?)",
    "insert into Refs values (?,?)",
};

static sqlite3 *db;

static void check(int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE)
        return;
    (void)fprintf(stderr, "bulk-load: %s\n", sqlite3_errmsg(db));
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    sqlite3_stmt *statements[2];
    char *line = NULL;
    size_t size = 0;
    if (argc != 2)
        return EXIT_FAILURE;
    check(sqlite3_open(argv[1], &db));
    check(sqlite3_exec(db, tables, NULL, NULL, NULL));
    for (int i = 0; i < 2; i++)
        check(sqlite3_prepare_v2(db, inserts[i], -1, &statements[i], NULL));
    for (ssize_t length; (length = getline(&line, &size, stdin)) > 0;) {
        int which = line[0] == 'R', parameter = 1;
        char *rest = line + 2;
        line[length - 1] = '\0';
        for (char *field; (field = strsep(&rest, "\t")); parameter++) {
            if (which || parameter == 3 || parameter == 5)
                check(sqlite3_bind_int64(statements[which], parameter, atoll(field)));
            else
                check(sqlite3_bind_text(statements[which], parameter, *field ? field : NULL, -1,
                                        SQLITE_STATIC));
        }
        check(sqlite3_step(statements[which]));
        check(sqlite3_reset(statements[which]));
    }
    free(line);
    for (int i = 0; i < 2; i++)
        check(sqlite3_finalize(statements[i]));
    check(sqlite3_exec(db, indexes, NULL, NULL, NULL));
    return sqlite3_close(db) == SQLITE_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
