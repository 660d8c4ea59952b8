/* SPDX-License-Identifier: MIT */
#include "init/nix/nixupdate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compare.h"
#include "init/nix/nixreadlock.h"
#include "init/nix/nixschema.h"

/* A comparison of the registration with the database. Stops at the first difference, unless `apply`
 * asks for changes. */
struct pass {
    struct nixrows rows;
    int64_t *ids; /* row id of each name, 0: unknown */
    bool *added;  /* per entry: its row is new */
    bool apply;
    bool differs;
    struct nixtarget_result *result;
    int64_t *known; /* sorted: the current entry's references in the database */
    size_t known_count;
    size_t known_size;
};

static void free_pass(struct pass *p)
{
    nixrows_free(&p->rows);
    free(p->ids);
    free(p->added);
    free(p->known);
}

static struct pass new_pass(struct nixsql *db, const struct nixtarget *target,
                            const struct registration *r)
{
    return (struct pass){
        .rows = {.db = db, .target = target, .registration = r},
        .ids = xcalloc(r->name_count, sizeof(int64_t)),
        .added = xcalloc(r->entry_count, sizeof(bool)),
    };
}

/* Looks up the id of a name, 0 if it has no row. Returns 1, 0 or a negative errno as nixsql_step()
 * does; the caller resets the statement. */
static int find(struct pass *p, enum nixrows_statement statement, uint32_t name, struct error *e)
{
    const struct registration *r = p->rows.registration;
    sqlite3_stmt *s = p->rows.statements[statement];
    (void)sqlite3_bind_text(s, 1, registration_text(r, name), (int)r->names[name].length,
                            SQLITE_STATIC);
    int found = nixsql_step(p->rows.db, s, e);
    p->ids[name] = found > 0 ? sqlite3_column_int64(s, 0) : 0;
    return found;
}

/* True if the row found has the hash and size of the entry. */
static bool row_agrees(sqlite3_stmt *s, const struct registration_entry *entry)
{
    char hash[NIXROWS_HASH_LENGTH + 1];
    nixrows_hash_text(entry, hash);
    const void *text = sqlite3_column_text(s, 1);
    bool same_hash = sqlite3_column_bytes(s, 1) == NIXROWS_HASH_LENGTH &&
                     memcmp(text, hash, NIXROWS_HASH_LENGTH) == 0;
    bool same_size = entry->nar_size == 0 ? sqlite3_column_type(s, 2) == SQLITE_NULL
                                          : sqlite3_column_int64(s, 2) == (int64_t)entry->nar_size;
    return same_hash && same_size && sqlite3_column_type(s, 3) == SQLITE_NULL;
}

static int update_row(struct pass *p, const struct registration_entry *entry, struct error *e)
{
    sqlite3_stmt *s = p->rows.statements[NIXROWS_UPDATE_PATH];
    char hash[NIXROWS_HASH_LENGTH + 1];
    nixrows_hash_text(entry, hash);
    (void)sqlite3_bind_int64(s, 1, p->ids[entry->name]);
    (void)sqlite3_bind_text(s, 2, hash, NIXROWS_HASH_LENGTH, SQLITE_STATIC);
    if (entry->nar_size == 0)
        (void)sqlite3_bind_null(s, 3);
    else
        (void)sqlite3_bind_int64(s, 3, (int64_t)entry->nar_size);
    p->result->updated++;
    return nixsql_run(p->rows.db, s, e);
}

static int add_row(struct pass *p, const struct registration_entry *entry, struct error *e)
{
    int64_t *id = &p->ids[entry->name];
    p->result->added++;
    p->added[entry - p->rows.registration->entries] = true;
    int r = nixrows_add_path(&p->rows, entry, id, e);
    return r == 0 ? nixrows_add_outputs(&p->rows, entry, *id, e) : r;
}

static int visit_path(struct pass *p, const struct registration_entry *entry, struct error *e)
{
    sqlite3_stmt *s = p->rows.statements[NIXROWS_FIND_PATH];
    int found = find(p, NIXROWS_FIND_PATH, entry->name, e);
    bool agrees = found > 0 && row_agrees(s, entry);
    (void)sqlite3_reset(s);
    if (found < 0 || agrees)
        return found < 0 ? found : 0;
    p->differs = true;
    if (!p->apply)
        return 0;
    return found ? update_row(p, entry, e) : add_row(p, entry, e);
}

static int read_known(struct pass *p, int64_t referrer, struct error *e)
{
    sqlite3_stmt *s = p->rows.statements[NIXROWS_FIND_REFERENCES];
    p->known_count = 0;
    (void)sqlite3_bind_int64(s, 1, referrer);
    int r;
    while ((r = nixsql_step(p->rows.db, s, e)) > 0) {
        if (p->known_count == p->known_size) {
            p->known_size = p->known_size * 2 + 64;
            p->known = xreallocarray(p->known, p->known_size, sizeof *p->known);
        }
        p->known[p->known_count++] = sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return r;
}

/* Looks up the id of a path that an entry refers to, unless it is known. */
static int find_reference(struct pass *p, const struct registration_entry *entry, uint32_t name,
                          struct error *e)
{
    const struct registration *reg = p->rows.registration;
    if (p->ids[name])
        return 0;
    int found = find(p, NIXROWS_FIND_ID, name, e);
    (void)sqlite3_reset(p->rows.statements[NIXROWS_FIND_ID]);
    if (found != 0 || !p->apply)
        return found < 0 ? found : 0;
    return error_set(e, -EBADMSG,
                     "%s:%u: %s, registered in line %u, refers to this path, which is neither in "
                     "the registration nor in the database: %s",
                     reg->file, reg->names[name].line, registration_text(reg, entry->name),
                     entry->line, registration_text(reg, name));
}

/* True if the current entry has this reference in the database. Ids mostly rise with the names:
 * tries the id at *at, after the last one found, before it searches. */
static bool is_known(const struct pass *p, int64_t id, size_t *at)
{
    if (*at < p->known_count && p->known[(*at)++] == id)
        return true;
    return p->known_count && bsearch(&id, p->known, p->known_count, sizeof id, compare_i64);
}

static int visit_references(struct pass *p, const struct registration_entry *entry, struct error *e)
{
    const struct registration *reg = p->rows.registration;
    const uint32_t *references = reg->references + entry->first_reference;
    int64_t referrer = p->ids[entry->name];
    p->known_count = 0;
    if (entry->reference_count && !p->added[entry - reg->entries]) {
        int r = read_known(p, referrer, e);
        if (r < 0)
            return r;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < entry->reference_count; i++) {
        int r = find_reference(p, entry, references[i], e);
        if (r < 0)
            return r;
        int64_t id = p->ids[references[i]];
        if (is_known(p, id, &at))
            continue;
        p->differs = true;
        if (!p->apply)
            return 0;
        p->result->references++;
        r = nixrows_add_reference(&p->rows, referrer, id, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int visit_entries(struct pass *p,
                         int (*visit)(struct pass *p, const struct registration_entry *entry,
                                      struct error *e),
                         struct error *e)
{
    const struct registration *reg = p->rows.registration;
    for (uint32_t i = 0; i < reg->entry_count && (p->apply || !p->differs); i++) {
        int r = visit(p, &reg->entries[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int run_pass(struct pass *p, struct error *e)
{
    for (enum nixrows_statement s = 0; s < NIXROWS_STATEMENTS; s++) {
        int r = nixrows_prepare(&p->rows, s, e);
        if (r < 0)
            return r;
    }
    int r = visit_entries(p, visit_path, e);
    return r < 0 ? r : visit_entries(p, visit_references, e);
}

int nixupdate_needed(const char *file, const struct nixtarget *target, const struct registration *r,
                     bool *needed, struct error *e)
{
    *needed = true;
    int lock CLEANUP_CLOSE = nixreadlock_take(file);
    if (lock < 0)
        return 0;
    struct nixsql db CLEANUP_NIXSQL = {0};
    int code = nixsql_open(&db, file, NIXSQL_IMMUTABLE, e);
    if (code < 0)
        return code;
    code = nixsql_exec(&db, "pragma cell_size_check = on; begin", e);
    if (code < 0)
        return code;
    struct pass pass CLEANUP(free_pass) = new_pass(&db, target, r);
    code = run_pass(&pass, e);
    *needed = pass.differs;
    return code;
}

bool nixupdate_lists(const char *file, const char *path)
{
    int lock CLEANUP_CLOSE = nixreadlock_take(file);
    struct nixsql db CLEANUP_NIXSQL = {0};
    sqlite3_stmt *s CLEANUP_STATEMENT = NULL;
    if (lock < 0 || nixsql_open(&db, file, NIXSQL_IMMUTABLE, NULL) < 0 ||
        nixsql_prepare(&db, "select 1 from ValidPaths where path = ?1", &s, NULL) < 0)
        return false;
    (void)sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
    return nixsql_step(&db, s, NULL) > 0;
}

/* The exclusive lock makes the shared memory file unnecessary; each commit reaches the disk. */
static const char settings[] = "pragma locking_mode = exclusive; pragma synchronous = full;"
                               "pragma temp_store = memory; pragma cache_size = -16000;"
                               "pragma cell_size_check = on; begin immediate";

int nixupdate_apply(const char *file, const struct nixtarget *target, const struct registration *r,
                    int64_t now, bool half_made, struct nixtarget_result *result, struct error *e)
{
    struct nixsql db CLEANUP_NIXSQL = {0};
    int code = nixsql_open(&db, file, NIXSQL_WRITE, e);
    if (code < 0)
        return code;
    code = nixsql_exec(&db, settings, e);
    if (code < 0)
        return code;
    for (enum nixschema_part p = 0; half_made && p < NIXSCHEMA_PARTS; p++) {
        code = nixschema_create(&db, target->version, p, e);
        if (code < 0)
            return code;
    }
    struct pass pass CLEANUP(free_pass) = new_pass(&db, target, r);
    pass.rows.now = now;
    pass.apply = true;
    pass.result = result;
    code = run_pass(&pass, e);
    if (code < 0)
        return code;
    nixrows_free(&pass.rows); /* unfinished statements would keep the database open */
    code = nixsql_exec(&db, "commit", e);
    return code < 0 ? code : nixsql_close(&db, e);
}
