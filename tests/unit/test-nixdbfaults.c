/* SPDX-License-Identifier: MIT */
/* Nix databases that init must not use as they are: foreign, locked, interrupted, damaged. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "init/nix/nixdb.h"
#include "tests/unit/nixfixture.h"
#include "tests/unit/unit.h"

static void an_unknown_schema_is_left_alone(void **state)
{
    struct nixfixture *f = *state;
    static const char *const numbers[] = {"11", "9", "10.5", "x", "10\n11", "10 "};
    char *schema CLEANUP_FREE = xasprintf("%s/db/schema", f->state_dir);
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(numbers); i++) {
        struct error e CLEANUP_ERROR = {0};
        char *quoted CLEANUP_FREE = xasprintf("\"%s\"", numbers[i]);
        for (char *c = quoted; *c; c++)
            *c = *c == '\n' ? ' ' : *c; /* a message is one line */
        nixfixture_write(schema, numbers[i], strlen(numbers[i]));
        char *before CLEANUP_FREE = nixfixture_list(f);
        assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, &e), -ENOTSUP);
        assert_error_names(e, schema, quoted, "nothing was written");
        char *after CLEANUP_FREE = nixfixture_list(f);
        assert_string_equal(after, before);
    }
}

/* PID 1 must never wait for a writer of a FIFO. A symlink is refused, because its target in the
 * system to which the database belongs is another file here. */
static void only_regular_files_are_opened(void **state)
{
    struct nixfixture *f = *state;
    static const char *const names[] = {"schema",        "db.sqlite",     "big-lock",
                                        "db.sqlite-wal", "db.sqlite-shm", "db.sqlite-journal"};
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < 2 * ELEMENTS(names); i++) {
        struct error e CLEANUP_ERROR = {0};
        char *name CLEANUP_FREE = xasprintf("%s/db/%s", f->state_dir, names[i / 2]);
        char *kept CLEANUP_FREE = xasprintf("%s.kept", name);
        bool there = rename(name, kept) == 0;
        assert_int_equal(i % 2 ? symlink("/persist/nix", name) : mkfifo(name, 0600), 0);
        assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, &e), -EINVAL);
        assert_error_names(e, name, "not a regular file", "nothing was written");
        assert_int_equal(there ? rename(kept, name) : unlink(name), 0);
    }
    assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, NULL), 0);
}

static void a_directory_that_db_leads_to_is_used(void **state)
{
    struct nixfixture *f = *state;
    char *other CLEANUP_FREE = xasprintf("%s-other", f->state_dir);
    char *file CLEANUP_FREE = xasprintf("%s/db.sqlite", other);
    char *registration CLEANUP_FREE = xasprintf("%s-registration", f->state_dir);
    assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, NULL), 0);
    nixfixture_write(registration, ENTRY(A, H1), strlen(ENTRY(A, H1)));
    const struct nixtarget target = {
        .state_dir = f->state_dir, .db_dir = other, .real_store = f->state_dir};
    assert_int_equal(nixdb_register(&target, registration, NULL, NULL), 0);
    assert_int_equal(access(file, F_OK), 0);
    nixfixture_expect(f, "select path from ValidPaths", B "\n");
}

static void tables_of_something_else_are_left_alone(void **state)
{
    struct nixfixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    free(nixfixture_query(f, "alter table Refs rename to Links"));
    assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, &e), -ENOTSUP);
    assert_error_names(e, f->database, "Refs");
    nixfixture_expect(f, "select count(*) from ValidPaths", "1\n");
}

/* Starts a process that runs `sql` on the database and keeps it open until it is killed. */
static pid_t other_process(const struct nixfixture *f, const char *sql)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db = nixfixture_open(f);
        int r = sqlite3_exec(db, sql, NULL, NULL, NULL);
        (void)!write(ready[1], r == SQLITE_OK ? "y" : "n", 1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    (void)close(ready[0]);
    (void)close(ready[1]);
    return pid;
}

static void end_process(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_locked_database_is_left_alone(void **state)
{
    struct nixfixture *f = *state;
    static const char *const acts[] = {
        "begin immediate; delete from ValidPaths",
        "pragma locking_mode = exclusive; begin exclusive",
        "begin; select * from ValidPaths",
    };
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(acts); i++) {
        struct error e CLEANUP_ERROR = {0};
        pid_t pid = other_process(f, acts[i]);
        assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, &e), -EBUSY);
        assert_error_names(e, f->database, "another process");
        end_process(pid);
        nixfixture_expect(f, "select path from ValidPaths", A "\n");
    }
}

static void nixs_own_lock_is_respected(void **state)
{
    struct nixfixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    char *lock CLEANUP_FREE = xasprintf("%s/db/big-lock", f->state_dir);
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    int fd CLEANUP_CLOSE = open(lock, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, &e), -EBUSY);
    assert_error_names(e, lock, "another process");
    assert_int_equal(flock(fd, LOCK_SH), 0);
    assert_int_equal(nixfixture_register(f, ENTRY(B, H1), NULL, NULL), 0);
}

static void changes_that_a_killed_process_left_in_its_log_are_kept(void **state)
{
    struct nixfixture *f = *state;
    static const char *const acts[] = {
        "update ValidPaths set sigs = 'committed'",
        "pragma cache_size = 1; begin; update ValidPaths set sigs = 'not committed'",
    };
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(acts); i++) {
        end_process(other_process(f, acts[i]));
        assert_int_equal(nixfixture_register(f, ENTRY(A, H1) ENTRY(B, H1), NULL, NULL), 0);
        nixfixture_expect(f, "select path, sigs from ValidPaths", A "|committed\n" B "|-\n");
        nixfixture_expect(f, "pragma integrity_check", "ok\n");
    }
}

static void what_an_interrupted_start_left_is_completed(void **state)
{
    struct nixfixture *f = *state;
    char *schema CLEANUP_FREE = xasprintf("%s/db/schema", f->state_dir);
    char *fresh CLEANUP_FREE = xasprintf("%s.new", f->database);
    char *log CLEANUP_FREE = xasprintf("%s-wal", f->database);
    size_t length;

    /* Nix was interrupted before it made the tables, or before it wrote the schema's number */
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_int_equal(unlink(schema), 0);
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1) ENTRY(B, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select count(*) from ValidPaths", "2\n");
    assert_int_equal(access(schema, F_OK), 0);

    free(nixfixture_query(f,
                          "drop table Refs; drop table DerivationOutputs; drop table ValidPaths"));
    assert_int_equal(unlink(schema), 0);
    assert_int_equal(nixfixture_register(f, REFERS(B, H1, B), NULL, NULL), 0);
    nixfixture_expect(f, "select path from ValidPaths", B "\n");

    nixfixture_write(f->database, "", 0);
    assert_int_equal(nixfixture_register(f, ENTRY(C, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select path from ValidPaths", C "\n");

    nixfixture_write(schema, "", 0);
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1) ENTRY(C, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select path from ValidPaths order by id", C "\n" A "\n");
    char *number CLEANUP_FREE = nixfixture_read(schema, &length);
    assert_string_equal(number, "10");

    /* init was interrupted while building, and the database was moved away without its log */
    assert_int_equal(unlink(f->database), 0);
    nixfixture_write(fresh, "half", 4);
    nixfixture_write(log, "log", 3);
    assert_int_equal(nixfixture_register(f, ENTRY(A, H1), NULL, NULL), 0);
    nixfixture_expect(f, "select path from ValidPaths", A "\n");
    assert_int_equal(access(fresh, F_OK), -1);
}

static void fill(struct nixfixture *f, char **text)
{
    enum { COUNT = 300 };
    size_t length;
    FILE *out = open_memstream(text, &length);
    for (int i = 0; i < COUNT; i++)
        (void)fprintf(out, "/nix/store/%032d-x\n" H1 "\n1\n\n1\n/nix/store/%032d-x\n", i, i / 2);
    (void)fclose(out);
    assert_int_equal(nixfixture_register(f, *text, NULL, NULL), 0);
}

/* Random bytes in place of pages: they are detected or harmless, and an error changes nothing. */
static void a_damaged_database_is_kept_as_it_is(void **state)
{
    struct nixfixture *f = *state;
    char *text CLEANUP_FREE = NULL;
    size_t length, after_length;
    unsigned noticed = 0;
    fill(f, &text);
    char *more CLEANUP_FREE = xasprintf("%s" ENTRY(C, H1), text);
    char *good CLEANUP_FREE = nixfixture_read(f->database, &length);
    for (unsigned seed = 0; seed < 60; seed++) {
        struct error e CLEANUP_ERROR = {0};
        char *bytes CLEANUP_FREE = xcalloc(length, 1);
        memcpy(bytes, good, length);
        srandom(seed);
        size_t first = (size_t)random() % (length / 4096) * 4096;
        for (size_t i = seed % 3 ? first : 0; i < (seed % 3 ? first + 4096 : length); i++)
            bytes[i] = (char)random();
        nixfixture_write(f->database, bytes, length);
        int code = nixfixture_register(f, seed % 2 ? text : more, NULL, &e);
        if (code == 0)
            continue;
        noticed++;
        char *after CLEANUP_FREE = nixfixture_read(f->database, &after_length);
        assert_int_equal(after_length, length);
        assert_memory_equal(after, bytes, length);
        assert_error_names(e, f->database, "damaged", "move it away");
        assert_int_equal(code, -EUCLEAN);
    }
    assert_true(noticed > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_unknown_schema_is_left_alone, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(only_regular_files_are_opened, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_db_leads_to_is_used, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(tables_of_something_else_are_left_alone, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_locked_database_is_left_alone, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(nixs_own_lock_is_respected, nixfixture_setup,
                                        nixfixture_teardown),
        cmocka_unit_test_setup_teardown(changes_that_a_killed_process_left_in_its_log_are_kept,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(what_an_interrupted_start_left_is_completed,
                                        nixfixture_setup, nixfixture_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_database_is_kept_as_it_is, nixfixture_setup,
                                        nixfixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
