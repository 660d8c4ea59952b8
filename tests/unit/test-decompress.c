/* SPDX-License-Identifier: MIT */
#include "host/initrd/decompress.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define SIZE ((size_t)3 << 20)

/* In each format a small file can expand to a large one. */
static void no_more_comes_out_than_the_limit(void **state)
{
    static const char *const compressors[] = {"gzip",    "bzip2",  "xz",       "xz --format=lzma",
                                              "zstd -q", "lz4 -q", "lz4 -q -l"};
    static const size_t limits[] = {0, 1, 1 << 20, (1 << 20) + 1, SIZE / 2, SIZE - 1};
    char *scratch CLEANUP_SCRATCH = scratch_new();
    (void)state;
    for (size_t i = 0; i < ELEMENTS(compressors); i++) {
        char *command CLEANUP_FREE = xasprintf("head -c %zu /dev/zero | %s >'%s/module.ko.x'", SIZE,
                                               compressors[i], scratch);
        char *path CLEANUP_FREE = scratch_path(scratch, "module.ko.x");
        scratch_run("sh", "-c", command);
        for (size_t j = 0; j < ELEMENTS(limits); j++) {
            struct error e CLEANUP_ERROR = {0};
            size_t size = 0;
            assert_null(decompress_module(path, limits[j], &size, &e));
            assert_error_names(e, path, "more than", "come out");
        }
        size_t size = 0;
        char *whole CLEANUP_FREE = decompress_module(path, SIZE, &size, NULL);
        assert_non_null(whole);
        assert_int_equal(size, SIZE);
    }
}

static void a_file_larger_than_all_that_is_read_is_named(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "module.ko");
    struct error e CLEANUP_ERROR = {0};
    size_t size = 0;
    (void)state;
    scratch_run("truncate", "-s", "1000G", path);
    assert_null(decompress_module(path, DECOMPRESS_LIMIT, &size, &e));
    assert_error_names(e, path, "larger than 512 MiB");
    scratch_run("truncate", "-s", "2M", path);
    assert_null(decompress_module(path, 1 << 20, &size, &e));
    assert_error_names(e, path, "larger than 1 MiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_comes_out_than_the_limit),
        cmocka_unit_test(a_file_larger_than_all_that_is_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
