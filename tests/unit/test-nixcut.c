/* SPDX-License-Identifier: MIT */
/* The power goes while paths are registered or forgotten, at every instant: what SQLite asks of the
 * disk is recorded, and put together again with all that was synced and some of what was not. The
 * database is then as it was before or as it was to be, and once nixdb_register() has returned, as
 * it was to be. RUN_VM_LONG=1 tries many more orders. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "init/nix/nixdb.h"
#include "init/nix/nixsql.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define HASH  "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define PATHS 400

/* Requests of SQLite's to the disk, in their order. */
enum kind { WRITE, TRUNCATE, SYNC, DELETE };

struct request {
    enum kind kind;
    char name[32]; /* of the file, in the database's directory */
    sqlite3_int64 offset;
    size_t length;
    char *data; /* owned */
};

static struct {
    struct request *items;
    size_t count;
} recorded;

static void record(enum kind kind, const char *name, sqlite3_int64 offset, const void *data,
                   size_t length)
{
    struct request r = {.kind = kind, .offset = offset, .length = length, .data = NULL};
    (void)snprintf(r.name, sizeof r.name, "%s", name);
    if (data) {
        r.data = xcalloc(1, length);
        memcpy(r.data, data, length);
    }
    recorded.items = xreallocarray(recorded.items, recorded.count + 1, sizeof *recorded.items);
    recorded.items[recorded.count++] = r;
}

static void forget_record(void)
{
    for (size_t i = 0; i < recorded.count; i++)
        free(recorded.items[i].data);
    free(recorded.items);
    memset(&recorded, 0, sizeof recorded);
}

/* ---- SQLite's own way to the disk, with everything that changes it recorded ---- */

static sqlite3_vfs *below;

struct file {
    sqlite3_file base;
    const char *name;
    sqlite3_file *real; /* behind this one */
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)(void *)f)->real;
}

static const char *name_of(sqlite3_file *f)
{
    return ((struct file *)(void *)f)->name;
}

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "temporary";
}

static int f_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int f_read(sqlite3_file *f, void *data, int length, sqlite3_int64 offset)
{
    return real_of(f)->pMethods->xRead(real_of(f), data, length, offset);
}

static int f_write(sqlite3_file *f, const void *data, int length, sqlite3_int64 offset)
{
    record(WRITE, name_of(f), offset, data, (size_t)length);
    return real_of(f)->pMethods->xWrite(real_of(f), data, length, offset);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    record(TRUNCATE, name_of(f), size, NULL, 0);
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int f_sync(sqlite3_file *f, int flags)
{
    record(SYNC, name_of(f), 0, NULL, 0);
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int f_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int f_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int f_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int f_check_lock(sqlite3_file *f, int *result)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), result);
}

static int f_control(sqlite3_file *f, int operation, void *argument)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), operation, argument);
}

static int f_sector_size(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

/* A disk that vouches for nothing. */
static int f_characteristics(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check_lock,
    .xFileControl = f_control,
    .xSectorSize = f_sector_size,
    .xDeviceCharacteristics = f_characteristics,
};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)vfs;
    struct file *file = (struct file *)(void *)f;
    file->real = (sqlite3_file *)(void *)(file + 1);
    file->name = base_name(name);
    int r = below->xOpen(below, name, file->real, flags, out);
    file->base.pMethods = file->real->pMethods ? &methods : NULL;
    return r;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    record(DELETE, base_name(name), 0, NULL, 0);
    return below->xDelete(below, name, sync);
}

static sqlite3_vfs recorder;

static void start_recording(void)
{
    below = sqlite3_vfs_find(NULL);
    recorder = *below;
    recorder.zName = "recorder";
    recorder.pNext = NULL;
    recorder.szOsFile = below->szOsFile + (int)sizeof(struct file);
    recorder.xOpen = v_open;
    recorder.xDelete = v_delete;
    assert_int_equal(sqlite3_vfs_register(&recorder, 1), SQLITE_OK);
}

static void stop_recording(void)
{
    assert_int_equal(sqlite3_vfs_unregister(&recorder), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(below, 1), SQLITE_OK);
}

/* ---- the disk after a cut ---- */

enum fate { LOST, WRITTEN, DICED };

/* True if the request precedes its file's last sync among the first `cut` requests. */
static bool is_synced(size_t number, size_t cut)
{
    for (size_t i = number + 1; i < cut; i++)
        if (recorded.items[i].kind == SYNC &&
            streq(recorded.items[i].name, recorded.items[number].name))
            return true;
    return false;
}

static void apply(const char *directory, const struct request *r)
{
    char *path CLEANUP_FREE = scratch_path(directory, r->name);
    int fd CLEANUP_CLOSE =
        r->kind == DELETE || r->kind == SYNC ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (r->kind == DELETE)
        (void)unlink(path);
    else if (r->kind == TRUNCATE)
        assert_int_equal(ftruncate(fd, r->offset), 0);
    else if (r->kind == WRITE)
        assert_int_equal(pwrite(fd, r->data, r->length, r->offset), (ssize_t)r->length);
}

/* The database as it was before. */
static struct {
    char *bytes;
    size_t size;
} before;

static void read_before(const char *file)
{
    struct stat st;
    int fd CLEANUP_CLOSE = open(file, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    before.size = (size_t)st.st_size;
    before.bytes = xcalloc(1, before.size);
    assert_int_equal(read(fd, before.bytes, before.size), (ssize_t)before.size);
}

/* The directory: what was before, and of the first `cut` requests those that the fate lets through.
 */
static void disk_after(const char *disk, size_t cut, enum fate fate, unsigned seed)
{
    const struct request whole = {
        .kind = WRITE, .name = "db.sqlite", .length = before.size, .data = before.bytes};
    static const char *const names[] = {"db.sqlite", "db.sqlite-journal", "db.sqlite-wal"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        struct request removal = {.kind = DELETE};
        (void)snprintf(removal.name, sizeof removal.name, "%s", names[i]);
        apply(disk, &removal);
    }
    apply(disk, &whole);
    for (size_t i = 0; i < cut; i++)
        if (is_synced(i, cut) || fate == WRITTEN || (fate == DICED && rand_r(&seed) & 1))
            apply(disk, &recorded.items[i]);
}

/* The first value of a query; the caller frees. */
static char *ask(const char *directory, const char *sql)
{
    struct nixsql db CLEANUP_NIXSQL = {0};
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    struct error e CLEANUP_ERROR = {0};
    char *file CLEANUP_FREE = scratch_path(directory, "db.sqlite");
    if (nixsql_open(&db, file, NIXSQL_WRITE, &e) < 0 || nixsql_prepare(&db, sql, &s, &e) < 0 ||
        nixsql_step(&db, s, &e) <= 0)
        return xasprintf("error: %s", e.message ? e.message : "no row");
    return xstrdup((const char *)sqlite3_column_text(s, 0));
}

static char *contents(const char *directory)
{
    return ask(directory, "select count(*) || ' ' || (select count(*) from Refs) from ValidPaths");
}

/* ---- the test ---- */

static char *registration(int paths)
{
    struct strv lines CLEANUP_STRV = {0};
    for (int i = 0; i < paths; i++)
        strv_pushf(&lines, "/nix/store/%032d-path\n" HASH "\n8\n\n%d\n%s", i, i ? 1 : 0,
                   i ? "/nix/store/00000000000000000000000000000000-path\n" : "");
    return strv_join(&lines, "");
}

static void boot(const char *scratch, int paths, bool forget)
{
    char *state_dir CLEANUP_FREE = scratch_path(scratch, "state");
    char *store CLEANUP_FREE = scratch_path(scratch, "store");
    char *list CLEANUP_FREE = scratch_path(scratch, "list");
    char *text CLEANUP_FREE = registration(paths);
    const struct nixtarget target = {
        .state_dir = state_dir, .real_store = store, .forget_missing = forget};
    struct error e CLEANUP_ERROR = {0};
    scratch_write(scratch, "list", text);
    if (nixdb_register(&target, list, NULL, &e) < 0)
        fail_msg("%s", e.message);
}

/* Each cut with the three fates, the last of them by several dice. */
static void cut_everywhere(const char *disk, const char *then, const char *after)
{
    const char *text = getenv("RUN_VM_LONG");
    unsigned dice = text && *text ? 40 : 3;
    for (size_t cut = 0; cut <= recorded.count; cut++)
        for (unsigned seed = 0; seed < DICED + dice; seed++) {
            disk_after(disk, cut, seed < DICED ? (enum fate)seed : DICED,
                       seed * 7919 + (unsigned)cut);
            char *health CLEANUP_FREE = ask(disk, "pragma integrity_check");
            char *now CLEANUP_FREE = contents(disk);
            bool done = streq(now, after);
            if (!streq(health, "ok") || !(done || streq(now, then)) ||
                (cut == recorded.count && !done))
                fail_msg("cut %zu of %zu, seed %u: %s; %s, expected %s or %s", cut, recorded.count,
                         seed, health, now, then, after);
        }
}

/* A first boot with PATHS, and a second one with `paths` that is cut. */
static void cut_second_boot(int paths, bool forget)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *store CLEANUP_FREE = scratch_path(scratch, "store");
    char *live CLEANUP_FREE = scratch_path(scratch, "state/db");
    char *file CLEANUP_FREE = scratch_path(scratch, "state/db/db.sqlite");
    char *disk CLEANUP_FREE = scratch_path(scratch, "disk");
    scratch_run("mkdir", store, disk);
    boot(scratch, PATHS, false);
    read_before(file);
    char *then CLEANUP_FREE = contents(live);
    start_recording();
    boot(scratch, paths, forget);
    stop_recording();
    char *after CLEANUP_FREE = contents(live);
    assert_string_not_equal(then, after);
    assert_true(recorded.count > 10);
    cut_everywhere(disk, then, after);
    forget_record();
    free(before.bytes);
}

static void a_cut_while_paths_are_forgotten_leaves_all_or_none_of_it(void **state)
{
    (void)state;
    cut_second_boot(1, true);
}

static void a_cut_while_paths_are_registered_leaves_all_or_none_of_it(void **state)
{
    (void)state;
    cut_second_boot(PATHS * 5 / 4, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_while_paths_are_forgotten_leaves_all_or_none_of_it),
        cmocka_unit_test(a_cut_while_paths_are_registered_leaves_all_or_none_of_it),
    };
    return cmocka_run_group_tests_name("nixcut", tests, NULL, NULL);
}
