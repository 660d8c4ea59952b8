/* SPDX-License-Identifier: MIT */
#include "init/nix/nixforget.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/array.h"
#include "init/nix/nixreadlock.h"
#include "init/nix/nixsql.h"

struct ids {
    int64_t *items; /* owned */
    size_t count;
};

static void free_ids(struct ids *ids)
{
    free(ids->items);
}

/* True if the store has no file of this name. A file that cannot be examined is not missing. */
static bool is_missing(const struct nixtarget *target, const char *path)
{
    const char *base = strrchr(path, '/');
    char *real CLEANUP_FREE = xasprintf("%s/%s", target->real_store, base ? base + 1 : path);
    struct stat st;
    return lstat(real, &st) < 0 && errno == ENOENT;
}

/* Advances *at to the path or beyond it. Entries and rows are in the same order. */
static bool is_registered(const struct registration *r, const char *path, uint32_t *at)
{
    for (; *at < r->entry_count; (*at)++) {
        int order = strcmp(registration_text(r, r->entries[*at].name), path);
        if (order >= 0)
            return order == 0;
    }
    return false;
}

/* Returns 1 if the database has more paths than the registration, else 0 or a negative errno. */
static int holds_more(struct nixsql *db, const struct registration *r, struct error *e)
{
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    int result = nixsql_prepare(db, "select count(*) from ValidPaths", &s, e);
    if (result < 0)
        return result;
    result = nixsql_step(db, s, e);
    return result > 0 ? sqlite3_column_int64(s, 0) > (int64_t)r->entry_count : result;
}

/* Descending: a referrer usually has the higher id and must be deleted first. */
static int compare_descending(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return *a > *b ? -1 : *a < *b;
}

static int find_missing(struct nixsql *db, const struct nixtarget *target,
                        const struct registration *r, struct ids *missing, struct error *e)
{
    int result = holds_more(db, r, e);
    if (result <= 0)
        return result;
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    result = nixsql_prepare(db, "select id, path from ValidPaths order by path", &s, e);
    if (result < 0)
        return result;
    uint32_t at = 0;
    while ((result = nixsql_step(db, s, e)) > 0) {
        const char *path = (const char *)sqlite3_column_text(s, 1);
        if (path && !is_registered(r, path, &at) && is_missing(target, path))
            ARRAY_PUSH(missing->items, missing->count, sqlite3_column_int64(s, 0));
    }
    if (missing->count)
        qsort(missing->items, missing->count, sizeof *missing->items, compare_descending);
    return result;
}

int nixforget_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e)
{
    *needed = true;
    int lock CLEANUP_CLOSE = nixreadlock_take(file);
    if (lock < 0)
        return 0;
    struct nixsql db CLEANUP_NIXSQL = {0};
    int result = nixsql_open(&db, file, NIXSQL_IMMUTABLE, e);
    if (result < 0)
        return result;
    struct ids missing CLEANUP(free_ids) = {0};
    result = find_missing(&db, target, r, &missing, e);
    *needed = missing.count > 0;
    return result;
}

/* Foreign keys delete the references and outputs along with the path. */
static const char settings[] = "pragma locking_mode = exclusive; pragma synchronous = full;"
                               "pragma foreign_keys = on; begin immediate";

static const char delete_path[] = "delete from ValidPaths where id = ?1 and not exists"
                                  " (select 1 from Refs where reference = ?1 and referrer <> ?1)";

/* Deletes a path. Returns 1; 0 if something refers to it, a path or, with ca-derivations, another
 * realisation; or a negative errno. */
static int delete_one(struct nixsql *db, sqlite3_stmt *s, int64_t id, struct error *e)
{
    (void)sqlite3_bind_int64(s, 1, id);
    int code = sqlite3_step(s);
    int r = code == SQLITE_DONE                  ? sqlite3_changes(db->handle) > 0
            : (code & 0xff) == SQLITE_CONSTRAINT ? 0
                                                 : nixsql_error(db, e);
    (void)sqlite3_reset(s);
    return r;
}

/* Repeats until nothing changes: a path can be deleted only after all its referrers. */
static int delete_missing(struct nixsql *db, struct ids *missing, size_t *forgotten,
                          struct error *e)
{
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    int result = nixsql_prepare(db, delete_path, &s, e);
    if (result < 0)
        return result;
    for (size_t before = SIZE_MAX; missing->count < before;) {
        before = missing->count;
        size_t left = 0;
        for (size_t i = 0; i < before; i++) {
            int deleted = delete_one(db, s, missing->items[i], e);
            if (deleted < 0)
                return deleted;
            if (deleted == 0)
                missing->items[left++] = missing->items[i];
        }
        *forgotten += before - left;
        missing->count = left;
    }
    return 0;
}

int nixforget_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    size_t *forgotten, struct error *e)
{
    *forgotten = 0;
    struct nixsql db CLEANUP_NIXSQL = {0};
    int result = nixsql_open(&db, file, NIXSQL_WRITE, e);
    if (result < 0)
        return result;
    result = nixsql_exec(&db, settings, e);
    if (result < 0)
        return result;
    struct ids missing CLEANUP(free_ids) = {0};
    result = find_missing(&db, target, r, &missing, e);
    if (result < 0)
        return result;
    result = delete_missing(&db, &missing, forgotten, e);
    if (result < 0)
        return result;
    result = nixsql_exec(&db, "commit", e);
    return result < 0 ? result : nixsql_close(&db, e);
}
