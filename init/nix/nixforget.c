/* SPDX-License-Identifier: MIT */
#include "init/nix/nixforget.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "init/nix/nixreadlock.h"
#include "init/nix/nixsql.h"

struct ids {
    int64_t *items;
    size_t count, size;
};

static void free_ids(struct ids *ids)
{
    free(ids->items);
}

static void add_id(struct ids *ids, int64_t id)
{
    if (ids->count == ids->size) {
        ids->size = ids->size * 2 + 64;
        ids->items = xreallocarray(ids->items, ids->size, sizeof *ids->items);
    }
    ids->items[ids->count++] = id;
}

/* Whether nothing is in the store by this path's name. What cannot be looked at is taken to be. */
static bool is_missing(const struct nixtarget *target, const char *path)
{
    const char *base = strrchr(path, '/');
    char *real CLEANUP_FREE = xasprintf("%s/%s", target->real_store, base ? base + 1 : path);
    struct stat st;
    return lstat(real, &st) < 0 && errno == ENOENT;
}

/* Moves *at over the entries, which are in the order of the rows, to the path or beyond it. */
static bool is_registered(const struct registration *r, const char *path, uint32_t *at)
{
    for (; *at < r->entry_count; (*at)++) {
        int order = strcmp(registration_text(r, r->entries[*at].name), path);
        if (order >= 0)
            return order == 0;
    }
    return false;
}

/* 1: the database holds more paths than the registration, 0: it does not. */
static int holds_more(struct nixsql *db, const struct registration *r, struct error *e)
{
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    int result = nixsql_prepare(db, "select count(*) from ValidPaths", &s, e);
    if (result == 0)
        result = nixsql_step(db, s, e);
    return result > 0 ? sqlite3_column_int64(s, 0) > (int64_t)r->entry_count : result;
}

/* Those who refer to others mostly came after them, and are to go before them. */
static int compare_descending(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return *a > *b ? -1 : *a < *b;
}

static int find_missing(struct nixsql *db, const struct nixtarget *target,
                        const struct registration *r, struct ids *missing, struct error *e)
{
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    uint32_t at = 0;
    int result = holds_more(db, r, e);
    if (result <= 0)
        return result;
    result = nixsql_prepare(db, "select id, path from ValidPaths order by path", &s, e);
    while (result >= 0 && (result = nixsql_step(db, s, e)) > 0) {
        const char *path = (const char *)sqlite3_column_text(s, 1);
        if (path && !is_registered(r, path, &at) && is_missing(target, path))
            add_id(missing, sqlite3_column_int64(s, 0));
    }
    if (missing->count)
        qsort(missing->items, missing->count, sizeof *missing->items, compare_descending);
    return result;
}

int nixforget_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e)
{
    struct ids missing CLEANUP(free_ids) = {0};
    int guard CLEANUP_CLOSE = nixreadlock_take(file);
    *needed = true;
    if (guard < 0)
        return 0;
    struct nixsql db CLEANUP_NIXSQL = {0};
    int result = nixsql_open(&db, file, NIXSQL_IMMUTABLE, e);
    if (result == 0)
        result = find_missing(&db, target, r, &missing, e);
    *needed = missing.count > 0;
    return result;
}

/* Foreign keys make the references and outputs go with the path. */
static const char settings[] = "pragma locking_mode = exclusive; pragma synchronous = full;"
                               "pragma foreign_keys = on; begin immediate";

static const char delete_path[] = "delete from ValidPaths where id = ?1 and not exists"
                                  " (select 1 from Refs where reference = ?1 and referrer <> ?1)";

/* Deletes the path: 1; 0 where something refers to it, a path or, with ca-derivations, another
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

/* Again and again, since a path goes only when all who refer to it have gone. */
static int delete_missing(struct nixsql *db, struct ids *missing, size_t *forgotten,
                          struct error *e)
{
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    int result = nixsql_prepare(db, delete_path, &s, e);
    for (size_t before = SIZE_MAX; result == 0 && missing->count < before;) {
        size_t left = 0;
        before = missing->count;
        for (size_t i = 0; i < before && result == 0; i++) {
            int deleted = delete_one(db, s, missing->items[i], e);
            if (deleted == 0)
                missing->items[left++] = missing->items[i];
            result = deleted < 0 ? deleted : 0;
        }
        *forgotten += before - left;
        missing->count = left;
    }
    return result;
}

int nixforget_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    size_t *forgotten, struct error *e)
{
    struct ids missing CLEANUP(free_ids) = {0};
    struct nixsql db CLEANUP_NIXSQL = {0};
    *forgotten = 0;
    int result = nixsql_open(&db, file, NIXSQL_WRITE, e);
    if (result == 0)
        result = nixsql_exec(&db, settings, e);
    if (result == 0)
        result = find_missing(&db, target, r, &missing, e);
    if (result == 0)
        result = delete_missing(&db, &missing, forgotten, e);
    if (result == 0)
        result = nixsql_exec(&db, "commit", e);
    return result == 0 ? nixsql_close(&db, e) : result;
}
