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

static char *hex(const uint8_t hash[SHA256_BYTES])
{
    char *text = xcalloc(2 * SHA256_BYTES + 1, 1);
    for (int i = 0; i < SHA256_BYTES; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return text;
}

/* FIPS 180-4's examples, and a length at each of the padding's turns (sha256sum's results). */
static void the_sum_is_the_standards(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        const char *sum;
    } of_as[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
        {1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (size_t i = 0; i < ELEMENTS(of_as); i++) {
        for (size_t piece = 1; piece < 200; piece += 33) {
            struct sha256 s;
            uint8_t digest[SHA256_BYTES];
            char as[200];
            memset(as, 'a', sizeof as);
            sha256_begin(&s);
            for (size_t left = of_as[i].count; left > 0;) {
                size_t part = left < piece ? left : piece;
                sha256_feed(&s, as, part);
                left -= part;
            }
            sha256_end(&s, digest);
            char *text CLEANUP_FREE = hex(digest);
            assert_string_equal(text, of_as[i].sum);
        }
    }
}

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
    char *text CLEANUP_FREE = hex(hash);
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
    assert_error_names(e, pipe, "neither file");
    assert_int_equal(nar_hash(gone, hash, &size, &e), -ENOENT);
    assert_error_names(e, gone);
    scratch_free(&directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_the_standards),
        cmocka_unit_test(a_tree_has_the_hash_that_nix_gives_it),
        cmocka_unit_test(what_cannot_be_archived_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
