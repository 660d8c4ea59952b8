/* SPDX-License-Identifier: MIT */
#include "tests/unit/nixfixture.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

int nixfixture_setup(void **state)
{
    struct nixfixture *f = xcalloc(1, sizeof *f);
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

int nixfixture_teardown(void **state)
{
    struct nixfixture *f = *state;
    int r = nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f->state_dir);
    free(f->real_store);
    free(f->database);
    free(f);
    return r;
}

void nixfixture_write(const char *name, const char *bytes, size_t length)
{
    FILE *file CLEANUP_FCLOSE = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
}

char *nixfixture_read(const char *name, size_t *length)
{
    FILE *file CLEANUP_FCLOSE = fopen(name, "r");
    assert_non_null(file);
    char *bytes = xcalloc(1 << 20, 1);
    *length = fread(bytes, 1, 1 << 20, file);
    return bytes;
}

int nixfixture_register(struct nixfixture *f, const char *text, struct nixtarget_result *result,
                        struct error *e)
{
    char *name CLEANUP_FREE = xasprintf("%s/registration", f->root);
    nixfixture_write(name, text, strlen(text));
    return nixdb_register(&f->target, name, result, e);
}

sqlite3 *nixfixture_open(const struct nixfixture *f)
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

char *nixfixture_query(const struct nixfixture *f, const char *sql)
{
    char *text = NULL, *message = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    sqlite3 *db = nixfixture_open(f);
    if (sqlite3_exec(db, sql, append_row, out, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    (void)sqlite3_close(db);
    (void)fclose(out);
    return text;
}

void nixfixture_expect(const struct nixfixture *f, const char *sql, const char *expected)
{
    char *said CLEANUP_FREE = nixfixture_query(f, sql);
    assert_string_equal(said, expected);
}

static FILE *listing;
static int list_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)type, (void)ftw;
    (void)fprintf(listing, "%s %o %lld %lld.%09ld %lld.%09ld\n", path, st->st_mode,
                  (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                  (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
    return 0;
}

char *nixfixture_list(const struct nixfixture *f)
{
    char *text = NULL;
    size_t length;
    listing = open_memstream(&text, &length);
    (void)nftw(f->state_dir, list_one, 16, FTW_PHYS);
    (void)fclose(listing);
    return text;
}
