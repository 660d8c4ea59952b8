/* SPDX-License-Identifier: MIT */
#include "init/nix/nar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* The tree that this makes; the sums are nix-hash's. */
static char *make_tree(void)
{
    char *directory = scratch_new();
    char *inner CLEANUP_FREE = scratch_path(directory, "a");
    char *link CLEANUP_FREE = scratch_path(directory, "l");
    char *program CLEANUP_FREE = scratch_path(directory, "a/run");
    assert_int_equal(mkdir(inner, 0755), 0);
    scratch_write(directory, "a/run", "#!/bin/sh\n");
    assert_int_equal(chmod(program, 0755), 0);
    scratch_write(directory, "a.b", "12345678");
    scratch_write(directory, "a-b", "");
    scratch_write(directory, "Z", "z");
    assert_int_equal(symlink("../nowhere", link), 0);
    return directory;
}

static void a_tree_has_the_hash_that_nix_gives_it(void **state)
{
    (void)state;
    char *directory = make_tree();
    uint8_t hash[SHA256_BYTES];
    uint64_t size;
    assert_int_equal(nar_hash(directory, hash, &size, NULL), 0);
    char text[SHA256_HEX];
    sha256_hex(hash, text);
    assert_string_equal(text, "75b9d76e5a014cd8d7c5737b1f2b2c5cf7cba188bf5eecbbdabf119968da7295");
    assert_int_equal(size, 1264);
    scratch_free(&directory);
}

static void what_cannot_be_archived_is_named(void **state)
{
    (void)state;
    char *directory = make_tree();
    char *pipe CLEANUP_FREE = scratch_path(directory, "a/pipe");
    char *gone CLEANUP_FREE = scratch_path(directory, "gone");
    uint8_t hash[SHA256_BYTES];
    uint64_t size;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(nar_hash(directory, hash, &size, &e), -EINVAL);
    assert_error_names(e, pipe, "neither a file");
    assert_int_equal(nar_hash(gone, hash, &size, &e), -ENOENT);
    assert_error_names(e, gone);
    scratch_free(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_has_the_hash_that_nix_gives_it),
        cmocka_unit_test(what_cannot_be_archived_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
