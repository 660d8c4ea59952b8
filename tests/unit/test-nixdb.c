/* SPDX-License-Identifier: MIT */
#include "init/nix/nixdb.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "init/nix/gcroots.h"
#include "tests/unit/unit.h"

#define A  "/nix/store/00000000000000000000000000000001-a"
#define B  "/nix/store/00000000000000000000000000000002-b"
#define C  "/nix/store/00000000000000000000000000000003-c"
#define D  "/nix/store/00000000000000000000000000000004-d.drv"
#define H1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

/* An entry without references, and one with one. */
#define ENTRY(path, hash)      path "\n" hash "\n10\n\n0\n"
#define REFERS(path, hash, to) path "\n" hash "\n10\n\n1\n" to "\n"

/* A root directory of the test's own, removed when it ends. */
struct fixture {
    char root[sizeof "/tmp/test-nixdb-XXXXXX"];
    char *state_dir, *real_store, *database;
    struct nixtarget target;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    strcpy(f->root, "/tmp/test-nixdb-XXXXXX");
    if (!mkdtemp(f->root))
        return -1;
    f->state_dir = xasprintf("%s/nix/var/nix", f->root);
    f->real_store = xasprintf("%s/store", f->root);
    f->database = xasprintf("%s/db/db.sqlite", f->state_dir);
    f->target = (struct nixtarget){.state_dir = f->state_dir, .real_store = f->real_store};
    *state = f;
    return mkdir(f->real_store, 0755);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int r = nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f->state_dir);
    free(f->real_store);
    free(f->database);
    free(f);
    return r;
}

static void write_bytes(const char *name, const char *bytes, size_t length)
{
    FILE *file CLEANUP_FCLOSE = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
}

static char *read_bytes(const char *name, size_t *length)
{
    FILE *file CLEANUP_FCLOSE = fopen(name, "r");
    assert_non_null(file);
    char *bytes = xcalloc(1 << 20, 1);
    *length = fread(bytes, 1, 1 << 20, file);
    return bytes;
}

static int registers(struct fixture *f, const char *text, struct nixtarget_result *result,
                     struct error *e)
{
    char *name CLEANUP_FREE = xasprintf("%s/registration", f->root);
    write_bytes(name, text, strlen(text));
    return nixdb_register(&f->target, name, result, e);
}

static sqlite3 *open_database(const struct fixture *f)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->database, &db), SQLITE_OK);
    return db;
}

static int append_row(void *text, int count, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < count; i++)
        (void)fprintf(text, "%s%s", i ? "|" : "", values[i] ? values[i] : "-");
    (void)fputc('\n', text);
    return 0;
}

/* What a query says, a line a row; the caller frees. */
static char *query(const struct fixture *f, const char *sql)
{
    char *text = NULL, *message = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    sqlite3 *db = open_database(f);
    if (sqlite3_exec(db, sql, append_row, out, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    (void)sqlite3_close(db);
    (void)fclose(out);
    return text;
}

static void assert_query(const struct fixture *f, const char *sql, const char *expected)
{
    char *said CLEANUP_FREE = query(f, sql);
    assert_string_equal(said, expected);
}

/* Names, sizes, modes and times of all that lies under the state directory. */
static FILE *listing;
static int list_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)type, (void)ftw;
    (void)fprintf(listing, "%s %o %lld %lld.%09ld %lld.%09ld\n", path, st->st_mode,
                  (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                  (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
    return 0;
}

static char *list(const struct fixture *f)
{
    char *text = NULL;
    size_t length;
    listing = open_memstream(&text, &length);
    (void)nftw(f->state_dir, list_one, 16, FTW_PHYS);
    (void)fclose(listing);
    return text;
}

static unsigned mode_of(const struct fixture *f, const char *name)
{
    struct stat st;
    char *path CLEANUP_FREE = xasprintf("%s/%s", f->state_dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void a_new_database_has_the_files_and_rows_of_nix(void **state)
{
    struct fixture *f = *state;
    struct nixtarget_result result;
    assert_int_equal(
        registers(f, B "\n" H1 "\n0\n" C "\n2\n" B "\n" A "\n" ENTRY(A, H2), &result, NULL), 0);
    assert_true(result.created);
    assert_int_equal(result.paths, 2);
    assert_int_equal(result.added, 2);
    assert_int_equal(result.references, 2);
    assert_query(f, "select id, path, hash, deriver, narSize, ultimate, sigs, ca from ValidPaths",
                 "1|" A "|" H2 "|-|10|-|-|-\n2|" B "|" H1 "|" C "|-|-|-|-\n");
    assert_query(f, "select rowid, * from Refs", "1|2|1\n2|2|2\n");
    assert_query(f, "select * from sqlite_sequence", "ValidPaths|2\n");
    assert_query(f, "pragma journal_mode", "wal\n");
    assert_query(f,
                 "select registrationTime between unixepoch() - 60 and unixepoch() from "
                 "ValidPaths",
                 "1\n1\n");
    assert_int_equal(mode_of(f, "db"), 0755);
    assert_int_equal(mode_of(f, "db/db.sqlite"), 0644);
    assert_int_equal(mode_of(f, "db/schema"), 0644);
    assert_int_equal(mode_of(f, "db/big-lock"), 0600);
    assert_int_equal(mode_of(f, "db/reserved"), 0600);
    size_t length;
    char *schema CLEANUP_FREE = xasprintf("%s/db/schema", f->state_dir);
    char *number CLEANUP_FREE = read_bytes(schema, &length);
    assert_int_equal(length, 2);
    assert_string_equal(number, "10");
}

static void registering_again_touches_no_file(void **state)
{
    struct fixture *f = *state;
    struct nixtarget_result result;
    static const char text[] = ENTRY(A, H1) REFERS(B, H1, B) REFERS(C, H2, A);
    assert_int_equal(registers(f, text, NULL, NULL), 0);
    char *before CLEANUP_FREE = list(f);
    assert_int_equal(registers(f, text, &result, NULL), 0);
    char *after CLEANUP_FREE = list(f);
    assert_string_equal(after, before);
    assert_int_equal(result.paths, 3);
    assert_int_equal(result.added + result.updated + result.references, 0);
    assert_false(result.created);
}

static void known_paths_are_updated_and_others_left_alone(void **state)
{
    struct fixture *f = *state;
    struct nixtarget_result result;
    assert_int_equal(registers(f, ENTRY(A, H1) ENTRY(B, H1) REFERS(C, H1, A), NULL, NULL), 0);
    free(query(f, "update ValidPaths set id = id + 40, registrationTime = 7, sigs = 'k:x', "
                  "ca = 'text:y', ultimate = 1, deriver = '" D "';"
                  "update Refs set referrer = 43, reference = 41"));
    assert_int_equal(registers(f, REFERS(C, H2, B) ENTRY(B, H1), &result, NULL), 0);
    assert_int_equal(result.added, 0);
    assert_int_equal(result.updated, 2);
    assert_int_equal(result.references, 1);
    assert_query(f, "select * from ValidPaths",
                 "41|" A "|" H1 "|7|" D "|10|1|k:x|text:y\n"
                 "42|" B "|" H1 "|7|" D "|10|-|k:x|text:y\n"
                 "43|" C "|" H2 "|7|" D "|10|-|k:x|text:y\n");
    assert_query(f, "select * from Refs", "43|41\n43|42\n");
}

static void a_reference_may_be_to_a_path_that_only_the_database_has(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_int_equal(registers(f, REFERS(B, H1, A), NULL, NULL), 0);
    assert_query(f, "select * from Refs", "2|1\n");
}

static void a_reference_to_nowhere_is_named_and_nothing_written(void **state)
{
    struct fixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(registers(f, REFERS(A, H1, B), NULL, &e), -EBADMSG);
    assert_error_names(e, "registration:6:", A, B, "not in the registration");
    assert_int_equal(access(f->state_dir, F_OK), -1);

    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    char *before CLEANUP_FREE = query(f, "select * from ValidPaths");
    assert_int_equal(registers(f, ENTRY(A, H2) REFERS(B, H1, C), NULL, &e), -EBADMSG);
    assert_error_names(e, "registration:11:", B, C, "nor in the database");
    assert_query(f, "select * from ValidPaths", before);
}

static void a_bad_registration_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    char *before CLEANUP_FREE = list(f);
    assert_int_equal(registers(f, ENTRY(A, H2) B "\n" H1 "\n1x\n\n0\n", NULL, &e), -EBADMSG);
    char *after CLEANUP_FREE = list(f);
    assert_string_equal(after, before);
    assert_error_names(e, "registration:8:", "1x");
}

static void a_derivations_outputs_are_those_in_its_file(void **state)
{
    struct fixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    static const char drv[] = "Derive([(\"dev\",\"" B "\",\"\",\"\"),(\"out\",\"" C
                              "\",\"\",\"\")],[],[],\"x\",\"y\",[],[])";
    char *file CLEANUP_FREE = xasprintf("%s%s", f->real_store, strrchr(D, '/'));

    assert_int_equal(registers(f, ENTRY(D, H1), NULL, &e), -ENOENT);
    assert_error_names(e, file, "derivation");
    assert_int_equal(access(f->database, F_OK), -1);

    write_bytes(file, drv, strlen(drv) - 1);
    assert_int_equal(registers(f, ENTRY(D, H1), NULL, &e), -EBADMSG);
    assert_error_names(e, file, "at byte");
    assert_int_equal(access(f->database, F_OK), -1);

    write_bytes(file, drv, strlen(drv));
    assert_int_equal(registers(f, ENTRY(D, H1), NULL, NULL), 0);
    assert_query(f, "select * from DerivationOutputs", "1|dev|" B "\n1|out|" C "\n");
}

static void a_derivation_is_read_into_an_existing_database_once(void **state)
{
    struct fixture *f = *state;
    static const char drv[] = "Derive([(\"out\",\"" C "\",\"\",\"\")])";
    char *file CLEANUP_FREE = xasprintf("%s%s", f->real_store, strrchr(D, '/'));
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_int_equal(registers(f, ENTRY(D, H1), NULL, NULL), -ENOENT);
    assert_query(f, "select count(*) from ValidPaths", "1\n");
    write_bytes(file, drv, strlen(drv));
    assert_int_equal(registers(f, ENTRY(D, H1), NULL, NULL), 0);
    assert_query(f, "select * from DerivationOutputs", "2|out|" C "\n");
    assert_int_equal(unlink(file), 0);
    assert_int_equal(registers(f, ENTRY(D, H2), NULL, NULL), 0);
}

static void an_unknown_schema_is_left_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const numbers[] = {"11", "9", "10.5", "x", "10\n11", "10 "};
    char *schema CLEANUP_FREE = xasprintf("%s/db/schema", f->state_dir);
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(numbers); i++) {
        struct error e CLEANUP_ERROR = {0};
        char *quoted CLEANUP_FREE = xasprintf("\"%s\"", numbers[i]);
        for (char *c = quoted; *c; c++)
            *c = *c == '\n' ? ' ' : *c; /* a message is one line */
        write_bytes(schema, numbers[i], strlen(numbers[i]));
        char *before CLEANUP_FREE = list(f);
        assert_int_equal(registers(f, ENTRY(B, H1), NULL, &e), -ENOTSUP);
        assert_error_names(e, schema, quoted, "nothing was written");
        char *after CLEANUP_FREE = list(f);
        assert_string_equal(after, before);
    }
}

/* PID 1 must never wait for somebody to write into a FIFO; and a symlink that is meant for the
 * system whose database it is leads nowhere here. */
static void only_regular_files_are_opened(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"schema",        "db.sqlite",     "big-lock",
                                        "db.sqlite-wal", "db.sqlite-shm", "db.sqlite-journal"};
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < 2 * ELEMENTS(names); i++) {
        struct error e CLEANUP_ERROR = {0};
        char *name CLEANUP_FREE = xasprintf("%s/db/%s", f->state_dir, names[i / 2]);
        char *kept CLEANUP_FREE = xasprintf("%s.kept", name);
        bool there = rename(name, kept) == 0;
        assert_int_equal(i % 2 ? symlink("/persist/nix", name) : mkfifo(name, 0600), 0);
        assert_int_equal(registers(f, ENTRY(B, H1), NULL, &e), -EINVAL);
        assert_error_names(e, name, "not a regular file", "nothing was written");
        assert_int_equal(there ? rename(kept, name) : unlink(name), 0);
    }
    assert_int_equal(registers(f, ENTRY(B, H1), NULL, NULL), 0);
}

static void a_directory_that_db_leads_to_is_used(void **state)
{
    struct fixture *f = *state;
    char *other CLEANUP_FREE = xasprintf("%s-other", f->state_dir);
    char *file CLEANUP_FREE = xasprintf("%s/db.sqlite", other);
    char *registration CLEANUP_FREE = xasprintf("%s-registration", f->state_dir);
    assert_int_equal(registers(f, ENTRY(B, H1), NULL, NULL), 0);
    write_bytes(registration, ENTRY(A, H1), strlen(ENTRY(A, H1)));
    const struct nixtarget target = {
        .state_dir = f->state_dir, .db_dir = other, .real_store = f->state_dir};
    assert_int_equal(nixdb_register(&target, registration, NULL, NULL), 0);
    assert_int_equal(access(file, F_OK), 0);
    assert_query(f, "select path from ValidPaths", B "\n");
}

static void tables_of_something_else_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    free(query(f, "alter table Refs rename to Links"));
    assert_int_equal(registers(f, ENTRY(B, H1), NULL, &e), -ENOTSUP);
    assert_error_names(e, f->database, "Refs");
    assert_query(f, "select count(*) from ValidPaths", "1\n");
}

/* A process that does what `act` says with the database and keeps it open until it is killed. */
static pid_t other_process(const struct fixture *f, const char *sql)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db = open_database(f);
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
    struct fixture *f = *state;
    static const char *const acts[] = {
        "begin immediate; delete from ValidPaths",
        "pragma locking_mode = exclusive; begin exclusive",
        "begin; select * from ValidPaths",
    };
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(acts); i++) {
        struct error e CLEANUP_ERROR = {0};
        pid_t pid = other_process(f, acts[i]);
        assert_int_equal(registers(f, ENTRY(B, H1), NULL, &e), -EBUSY);
        assert_error_names(e, f->database, "another process");
        end_process(pid);
        assert_query(f, "select path from ValidPaths", A "\n");
    }
}

static void nixs_own_lock_is_respected(void **state)
{
    struct fixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    char *lock CLEANUP_FREE = xasprintf("%s/db/big-lock", f->state_dir);
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    int fd CLEANUP_CLOSE = open(lock, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(registers(f, ENTRY(B, H1), NULL, &e), -EBUSY);
    assert_error_names(e, lock, "another process");
    assert_int_equal(flock(fd, LOCK_SH), 0);
    assert_int_equal(registers(f, ENTRY(B, H1), NULL, NULL), 0);
}

static void changes_that_a_killed_process_left_in_its_log_are_kept(void **state)
{
    struct fixture *f = *state;
    static const char *const acts[] = {
        "update ValidPaths set sigs = 'committed'",
        "pragma cache_size = 1; begin; update ValidPaths set sigs = 'not committed'",
    };
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(acts); i++) {
        end_process(other_process(f, acts[i]));
        assert_int_equal(registers(f, ENTRY(A, H1) ENTRY(B, H1), NULL, NULL), 0);
        assert_query(f, "select path, sigs from ValidPaths", A "|committed\n" B "|-\n");
        assert_query(f, "pragma integrity_check", "ok\n");
    }
}

static void what_an_interrupted_start_left_is_completed(void **state)
{
    struct fixture *f = *state;
    char *schema CLEANUP_FREE = xasprintf("%s/db/schema", f->state_dir);
    char *fresh CLEANUP_FREE = xasprintf("%s.new", f->database);
    char *log CLEANUP_FREE = xasprintf("%s-wal", f->database);
    size_t length;

    /* Nix was cut off before it had made the tables, or before it wrote the schema's number */
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_int_equal(unlink(schema), 0);
    assert_int_equal(registers(f, ENTRY(A, H1) ENTRY(B, H1), NULL, NULL), 0);
    assert_query(f, "select count(*) from ValidPaths", "2\n");
    assert_int_equal(access(schema, F_OK), 0);

    free(query(f, "drop table Refs; drop table DerivationOutputs; drop table ValidPaths"));
    assert_int_equal(unlink(schema), 0);
    assert_int_equal(registers(f, REFERS(B, H1, B), NULL, NULL), 0);
    assert_query(f, "select path from ValidPaths", B "\n");

    write_bytes(f->database, "", 0);
    assert_int_equal(registers(f, ENTRY(C, H1), NULL, NULL), 0);
    assert_query(f, "select path from ValidPaths", C "\n");

    write_bytes(schema, "", 0);
    assert_int_equal(registers(f, ENTRY(A, H1) ENTRY(C, H1), NULL, NULL), 0);
    assert_query(f, "select path from ValidPaths order by id", C "\n" A "\n");
    char *number CLEANUP_FREE = read_bytes(schema, &length);
    assert_string_equal(number, "10");

    /* we were cut off while building, and the database was moved away without its log */
    assert_int_equal(unlink(f->database), 0);
    write_bytes(fresh, "half", 4);
    write_bytes(log, "log", 3);
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_query(f, "select path from ValidPaths", A "\n");
    assert_int_equal(access(fresh, F_OK), -1);
}

static void fill(struct fixture *f, char **text)
{
    enum { COUNT = 300 };
    size_t length;
    FILE *out = open_memstream(text, &length);
    for (int i = 0; i < COUNT; i++)
        (void)fprintf(out, "/nix/store/%032d-x\n" H1 "\n1\n\n1\n/nix/store/%032d-x\n", i, i / 2);
    (void)fclose(out);
    assert_int_equal(registers(f, *text, NULL, NULL), 0);
}

/* Random bytes over pages: it is noticed or does not matter, and an error changes nothing. */
static void a_damaged_database_is_kept_as_it_is(void **state)
{
    struct fixture *f = *state;
    char *text CLEANUP_FREE = NULL;
    size_t length, after_length;
    unsigned noticed = 0;
    fill(f, &text);
    char *more CLEANUP_FREE = xasprintf("%s" ENTRY(C, H1), text);
    char *good CLEANUP_FREE = read_bytes(f->database, &length);
    for (unsigned seed = 0; seed < 60; seed++) {
        struct error e CLEANUP_ERROR = {0};
        char *bytes CLEANUP_FREE = xcalloc(length, 1);
        memcpy(bytes, good, length);
        srandom(seed);
        size_t first = (size_t)random() % (length / 4096) * 4096;
        for (size_t i = seed % 3 ? first : 0; i < (seed % 3 ? first + 4096 : length); i++)
            bytes[i] = (char)random();
        write_bytes(f->database, bytes, length);
        int code = registers(f, seed % 2 ? text : more, NULL, &e);
        if (code == 0)
            continue;
        noticed++;
        char *after CLEANUP_FREE = read_bytes(f->database, &after_length);
        assert_int_equal(after_length, length);
        assert_memory_equal(after, bytes, length);
        assert_error_names(e, f->database, "damaged", "move it away");
        assert_int_equal(code, -EUCLEAN);
    }
    assert_true(noticed > 30);
}

static void the_registrations_own_path_is_registered_once_and_refers_to_all(void **state)
{
    struct fixture *f = *state;
    static const char text[] = ENTRY(A, H1) REFERS(C, H1, A);
    char *own CLEANUP_FREE = xasprintf("%s%s", f->real_store, strrchr(B, '/'));
    f->target.registration_path = B "/registration";

    /* not there: all else is registered */
    assert_int_equal(registers(f, ENTRY(A, H1), NULL, NULL), 0);
    assert_query(f, "select path from ValidPaths", A "\n");

    write_bytes(own, "hi\n", 3);
    assert_int_equal(registers(f, text, NULL, NULL), 0);
    /* nix-hash --type sha256 of that file */
    assert_query(f, "select path, hash, narSize from ValidPaths where path like '%-b'",
                 B
                 "|sha256:10551daed7fa467d0b58826e7eb9a0f2af7d693de319f2ef775fffcda244b9f6|120\n");
    assert_query(f,
                 "select r.path from Refs, ValidPaths r, ValidPaths o where referrer = o.id and "
                 "reference = r.id and o.path like '%-b' order by r.path",
                 A "\n" C "\n");
    char *before CLEANUP_FREE = list(f);
    assert_int_equal(registers(f, text, NULL, NULL), 0);
    char *after CLEANUP_FREE = list(f);
    assert_string_equal(after, before);
}

static void what_is_booted_is_kept_from_garbage_collection(void **state)
{
    struct fixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    char target[128] = "";
    char *name CLEANUP_FREE = xasprintf("%s/gcroots/run-vm/booted-system", f->state_dir);
    assert_int_equal(gcroots_add(&f->target, "booted-system", A "/init", NULL), 0);
    assert_int_equal(readlink(name, target, sizeof target), strlen(A));
    assert_memory_equal(target, A, strlen(A));

    char *before CLEANUP_FREE = list(f);
    assert_int_equal(gcroots_add(&f->target, "booted-system", A "/bin/init", NULL), 0);
    char *after CLEANUP_FREE = list(f);
    assert_string_equal(after, before);

    assert_int_equal(gcroots_add(&f->target, "booted-system", B, NULL), 0);
    assert_int_equal(readlink(name, target, sizeof target), strlen(B));
    assert_memory_equal(target, B, strlen(B));

    static const char *const outside[] = {"/sbin/init", "/nix/store", "/nix/store/x",
                                          "/nix/store//"};
    for (size_t i = 0; i < ELEMENTS(outside); i++) {
        assert_int_equal(gcroots_add(&f->target, "x", outside[i], &e), -EINVAL);
        assert_error_names(e, outside[i]);
    }
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0755), 0);
    assert_int_equal(gcroots_add(&f->target, "booted-system", B, &e), -EEXIST);
    assert_error_names(e, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_database_has_the_files_and_rows_of_nix, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(registering_again_touches_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(known_paths_are_updated_and_others_left_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reference_may_be_to_a_path_that_only_the_database_has,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_reference_to_nowhere_is_named_and_nothing_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_bad_registration_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_derivations_outputs_are_those_in_its_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_derivation_is_read_into_an_existing_database_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unknown_schema_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(only_regular_files_are_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_db_leads_to_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_of_something_else_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_locked_database_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(nixs_own_lock_is_respected, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_that_a_killed_process_left_in_its_log_are_kept,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_interrupted_start_left_is_completed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_database_is_kept_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_registrations_own_path_is_registered_once_and_refers_to_all, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_booted_is_kept_from_garbage_collection, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
