/* SPDX-License-Identifier: MIT */
/* A root directory of a test's own with a Nix state directory and a store, for tests of the Nix
 * database. A failure here fails the test. */
#pragma once

#include <sqlite3.h>
#include <stddef.h>

#include "base/error.h"
#include "init/nix/nixdb.h"

#define A  "/nix/store/00000000000000000000000000000001-a"
#define B  "/nix/store/00000000000000000000000000000002-b"
#define C  "/nix/store/00000000000000000000000000000003-c"
#define D  "/nix/store/00000000000000000000000000000004-d.drv"
#define H1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

/* An entry without references, and one with one. */
#define ENTRY(path, hash)      path "\n" hash "\n10\n\n0\n"
#define REFERS(path, hash, to) path "\n" hash "\n10\n\n1\n" to "\n"

struct nixfixture {
    char root[sizeof "/tmp/test-nixdb-XXXXXX"];
    char *state_dir, *real_store, *database;
    struct nixtarget target;
};

/* For cmocka: *state is a struct nixfixture. The root directory is removed when the test ends. */
int nixfixture_setup(void **state);
int nixfixture_teardown(void **state);

/* Writes a file; reads one, at most 1 MiB, into memory that the caller frees. */
void nixfixture_write(const char *name, const char *bytes, size_t length);
char *nixfixture_read(const char *name, size_t *length);

/* Registers the text: nixdb_register() of a file that contains it. */
int nixfixture_register(struct nixfixture *f, const char *text, struct nixtarget_result *result,
                        struct error *e);

/* Opens the database; the caller closes it. */
sqlite3 *nixfixture_open(const struct nixfixture *f);

/* The rows of a query, one a line, with "|" between values and "-" for NULL; the caller frees. */
char *nixfixture_query(const struct nixfixture *f, const char *sql);

/* Fails unless the query has these rows. */
void nixfixture_expect(const struct nixfixture *f, const char *sql, const char *expected);

/* Names, sizes, modes and times of all files under the state directory; the caller frees. */
char *nixfixture_list(const struct nixfixture *f);
