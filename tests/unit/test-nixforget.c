/* SPDX-License-Identifier: MIT */
/* Paths that a database lists and the store no longer has: which are forgotten, and which not. */
#include "init/nix/nixdb.h"
#include "init/nix/nixforget.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "init/nix/nixsql.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define HASH   "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define PATH_A "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-shared"
#define PATH_B "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-built"
#define PATH_C "/nix/store/cccccccccccccccccccccccccccccccc-built-on-it"
#define PATH_D "/nix/store/dddddddddddddddddddddddddddddddd-still-there"
#define PATH_F "/nix/store/ffffffffffffffffffffffffffffffff-referred-to"

#define ENTRY_A PATH_A "\n" HASH "\n8\n\n0\n"

/* The shared path and, on top: one that refers to it, one that refers to that and to itself, and
 * one in the store that refers to a missing one. */
static const char first_boot[] = ENTRY_A PATH_B
    "\n" HASH "\n8\n\n1\n" PATH_A "\n" PATH_C "\n" HASH "\n8\n\n2\n" PATH_B "\n" PATH_C "\n" PATH_D
    "\n" HASH "\n8\n\n1\n" PATH_F "\n" PATH_F "\n" HASH "\n8\n\n0\n";

struct machine {
    char *directory;
    struct nixtarget target;
    char *database;
};

/* Has been booted once, with everything registered; D alone is in the store. */
static int set_up(void **state)
{
    struct machine *m = xcalloc(1, sizeof *m);
    m->directory = scratch_new();
    m->target.state_dir = scratch_path(m->directory, "state");
    m->target.real_store = scratch_path(m->directory, "store");
    m->database = scratch_path(m->directory, "state/db/db.sqlite");
    assert_int_equal(mkdir(m->target.real_store, 0755), 0);
    scratch_write(m->directory, "store/dddddddddddddddddddddddddddddddd-still-there", "D");
    scratch_write(m->directory, "first", first_boot);
    scratch_write(m->directory, "second", ENTRY_A);
    char *first CLEANUP_FREE = scratch_path(m->directory, "first");
    assert_int_equal(nixdb_register(&m->target, first, NULL, NULL), 0);
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *m = *state;
    free((char *)m->target.state_dir);
    free((char *)m->target.real_store);
    free(m->database);
    scratch_free(&m->directory);
    free(m);
    return 0;
}

static struct nixtarget_result boot_again(struct machine *m, bool forget_missing)
{
    struct nixtarget_result result;
    char *second CLEANUP_FREE = scratch_path(m->directory, "second");
    m->target.forget_missing = forget_missing;
    assert_int_equal(nixdb_register(&m->target, second, &result, NULL), 0);
    return result;
}

/* The rows of a query that gives one column, each ended by a space. The caller frees. */
static char *query(struct machine *m, const char *sql)
{
    struct nixsql db CLEANUP_NIXSQL = {0};
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    char *text = xstrdup("");
    assert_int_equal(nixsql_open(&db, m->database, NIXSQL_WRITE, NULL), 0);
    assert_int_equal(nixsql_prepare(&db, sql, &s, NULL), 0);
    while (nixsql_step(&db, s, NULL) > 0) {
        char *longer = xasprintf("%s%s ", text, (const char *)sqlite3_column_text(s, 0));
        free(text);
        text = longer;
    }
    return text;
}

static void what_the_store_has_no_more_is_forgotten(void **state)
{
    struct machine *m = *state;
    assert_int_equal(boot_again(m, true).forgotten, 2);
    char *paths CLEANUP_FREE = query(m, "select path from ValidPaths order by path");
    assert_string_equal(paths, PATH_A " " PATH_D " " PATH_F " ");
    char *references CLEANUP_FREE = query(m, "select count(*) from Refs");
    assert_string_equal(references, "1 ");
    char *broken CLEANUP_FREE = query(m, "select \"table\" from pragma_foreign_key_check");
    assert_string_equal(broken, "");
}

/* The tables of the first version of Nix's ca-specific-schema.sql. */
static const char realisations[] =
    "create table Realisations (id integer primary key autoincrement not null, drvPath text not "
    "null, outputName text not null, outputPath integer not null, signatures text, foreign key "
    "(outputPath) references ValidPaths(id) on delete cascade);"
    "create table RealisationsRefs (referrer integer not null, realisationReference integer, "
    "foreign key (referrer) references Realisations(id) on delete cascade, foreign key "
    "(realisationReference) references Realisations(id) on delete restrict);"
    "insert into Realisations select id, 'sha256:' || id, 'out', id, '' from ValidPaths;";

/* D is in the store, and its realisation refers to that of B, which is not. */
static void a_path_whose_realisation_is_referred_to_stays(void **state)
{
    struct machine *m = *state;
    struct nixsql db = {0};
    assert_int_equal(nixsql_open(&db, m->database, NIXSQL_WRITE, NULL), 0);
    assert_int_equal(nixsql_exec(&db, realisations, NULL), 0);
    assert_int_equal(nixsql_exec(&db,
                                 "insert into RealisationsRefs select d.id, b.id from ValidPaths d,"
                                 " ValidPaths b where d.path = '" PATH_D "' and b.path = '" PATH_B
                                 "'",
                                 NULL),
                     0);
    assert_int_equal(nixsql_close(&db, NULL), 0);
    assert_int_equal(boot_again(m, true).forgotten, 1);
    char *paths CLEANUP_FREE = query(m, "select path from ValidPaths order by path");
    assert_string_equal(paths, PATH_A " " PATH_B " " PATH_D " " PATH_F " ");
    char *left CLEANUP_FREE = query(m, "select count(*) from Realisations");
    assert_string_equal(left, "4 ");
    char *broken CLEANUP_FREE = query(m, "select \"table\" from pragma_foreign_key_check");
    assert_string_equal(broken, "");
}

static void a_store_that_lasts_is_not_looked_at(void **state)
{
    struct machine *m = *state;
    assert_int_equal(boot_again(m, false).forgotten, 0);
    char *paths CLEANUP_FREE = query(m, "select count(*) from ValidPaths");
    assert_string_equal(paths, "5 ");
}

/* A store that cannot be looked into, as one that was not mounted: a file is in its place. */
static void what_cannot_be_looked_at_is_not_forgotten(void **state)
{
    struct machine *m = *state;
    scratch_run("rm", "-r", m->target.real_store);
    scratch_write(m->directory, "store", "no directory");
    assert_int_equal(boot_again(m, true).forgotten, 0);
    char *paths CLEANUP_FREE = query(m, "select count(*) from ValidPaths");
    assert_string_equal(paths, "5 ");
}

static void what_is_registered_need_not_be_there_yet(void **state)
{
    struct machine *m = *state;
    scratch_write(m->directory, "second", first_boot);
    assert_int_equal(boot_again(m, true).forgotten, 0);
}

static void the_next_time_nothing_is_written(void **state)
{
    struct machine *m = *state;
    struct stat before, after;
    boot_again(m, true);
    assert_int_equal(stat(m->database, &before), 0);
    assert_int_equal(boot_again(m, true).forgotten, 0);
    assert_int_equal(stat(m->database, &after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    assert_int_equal(scratch_count(m->directory), 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_the_store_has_no_more_is_forgotten),
        TEST(a_path_whose_realisation_is_referred_to_stays),
        TEST(a_store_that_lasts_is_not_looked_at),
        TEST(what_cannot_be_looked_at_is_not_forgotten),
        TEST(what_is_registered_need_not_be_there_yet),
        TEST(the_next_time_nothing_is_written),
    };
    return cmocka_run_group_tests_name("nixforget", tests, NULL, NULL);
}
