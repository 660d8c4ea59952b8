/* SPDX-License-Identifier: MIT */
#include "init/nix/nixrows.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "init/nix/derivation.h"

static const char *const texts[NIXROWS_STATEMENTS] = {
    [NIXROWS_ADD_PATH] = NIXROWS_INTO_PATHS "values (?1, ?2, ?3, ?4, ?5)",
    [NIXROWS_ADD_REFERENCE] = NIXROWS_INTO_REFERENCES "values (?1, ?2)",
    [NIXROWS_ADD_OUTPUT] =
        "insert or replace into DerivationOutputs (drv, id, path) values (?1, ?2, ?3)",
    [NIXROWS_FIND_ID] = "select id from ValidPaths where path = ?1",
    [NIXROWS_FIND_PATH] = "select id, hash, narSize, ultimate from ValidPaths where path = ?1",
    [NIXROWS_FIND_REFERENCES] = "select reference from Refs where referrer = ?1 order by reference",
    /* keeps signatures and content addresses, which the registration does not have */
    [NIXROWS_UPDATE_PATH] =
        "update ValidPaths set hash = ?2, narSize = ?3, ultimate = null where id = ?1",
};

int nixrows_prepare(struct nixrows *rows, enum nixrows_statement statement, struct error *e)
{
    return nixsql_prepare(rows->db, texts[statement], &rows->statements[statement], e);
}

void nixrows_free(struct nixrows *rows)
{
    for (size_t i = 0; i < NIXROWS_STATEMENTS; i++)
        nixsql_finalize(&rows->statements[i]);
}

void nixrows_hash_text(const struct registration_entry *entry, char text[NIXROWS_HASH_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *out = stpcpy(text, "sha256:");
    for (size_t i = 0; i < REGISTRATION_HASH_BYTES; i++) {
        *out++ = digits[entry->hash[i] >> 4];
        *out++ = digits[entry->hash[i] & 15];
    }
    *out = '\0';
}

static void bind_name(sqlite3_stmt *statement, int parameter, const struct registration *r,
                      uint32_t name)
{
    if (name == REGISTRATION_NONE)
        (void)sqlite3_bind_null(statement, parameter);
    else
        (void)sqlite3_bind_text(statement, parameter, registration_text(r, name),
                                (int)r->names[name].length, SQLITE_STATIC);
}

int nixrows_add_path(struct nixrows *rows, const struct registration_entry *entry, int64_t *id,
                     struct error *e)
{
    sqlite3_stmt *s = rows->statements[NIXROWS_ADD_PATH];
    char hash[NIXROWS_HASH_LENGTH + 1];
    nixrows_hash_text(entry, hash);
    bind_name(s, 1, rows->registration, entry->name);
    (void)sqlite3_bind_text(s, 2, hash, NIXROWS_HASH_LENGTH, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, rows->now);
    bind_name(s, 4, rows->registration, entry->deriver);
    if (entry->nar_size == 0) /* Nix: not known */
        (void)sqlite3_bind_null(s, 5);
    else
        (void)sqlite3_bind_int64(s, 5, (int64_t)entry->nar_size);
    int r = nixsql_run(rows->db, s, e);
    *id = sqlite3_last_insert_rowid(rows->db->handle);
    return r;
}

int nixrows_add_reference(struct nixrows *rows, int64_t referrer, int64_t reference,
                          struct error *e)
{
    sqlite3_stmt *s = rows->statements[NIXROWS_ADD_REFERENCE];
    (void)sqlite3_bind_int64(s, 1, referrer);
    (void)sqlite3_bind_int64(s, 2, reference);
    return nixsql_run(rows->db, s, e);
}

static int add_outputs(struct nixrows *rows, const struct derivation *d, int64_t id,
                       struct error *e)
{
    sqlite3_stmt *s = rows->statements[NIXROWS_ADD_OUTPUT];
    for (size_t i = 0; i < d->output_count; i++) {
        (void)sqlite3_bind_int64(s, 1, id);
        (void)sqlite3_bind_text(s, 2, d->outputs[i].id, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 3, d->outputs[i].path, -1, SQLITE_STATIC);
        int r = nixsql_run(rows->db, s, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int nixrows_add_outputs(struct nixrows *rows, const struct registration_entry *entry, int64_t id,
                        struct error *e)
{
    if (!registration_is_derivation(rows->registration, entry->name))
        return 0;
    const char *base = strrchr(registration_text(rows->registration, entry->name), '/') + 1;
    char *name CLEANUP_FREE = xasprintf("%s/%s", rows->target->real_store, base);
    size_t length = 0;
    char *bytes CLEANUP_FREE = file_read_at(AT_FDCWD, name, O_NOFOLLOW, FILE_LIMIT, &length, e);
    if (!bytes)
        return error_context(e, -errno, "the registered derivation");
    struct derivation derivation CLEANUP_DERIVATION = {0};
    int r = derivation_parse(bytes, length, name, &derivation, e);
    return r < 0 ? r : add_outputs(rows, &derivation, id, e);
}
