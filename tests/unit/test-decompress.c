/* SPDX-License-Identifier: MIT */
#include "host/initrd/decompress.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "host/system/signals.h"
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

/* Makes SCRATCH/zeros.xz of SIZE bytes. */
static void pack_zeros(const char *scratch)
{
    char *command CLEANUP_FREE =
        xasprintf("head -c %zu /dev/zero | xz >'%s/zeros.xz'", SIZE, scratch);
    scratch_run("sh", "-c", command);
}

/* Decompresses that to SCRATCH/whole. */
static int unpack_zeros(const char *scratch, size_t limit, struct error *e)
{
    char *packed CLEANUP_FREE = scratch_path(scratch, "zeros.xz");
    char *whole CLEANUP_FREE = scratch_path(scratch, "whole");
    size_t size = 0;
    char *data CLEANUP_FREE = file_read(packed, FILE_LIMIT, &size, NULL);
    struct progress progress = progress_start("zeros", NULL, PROGRESS_BYTES, SIZE);
    int r = decompress_to(whole, data, size, limit, &progress, e);
    progress_end(&progress);
    return r;
}

static void a_file_gets_all_output_but_no_more_than_the_limit(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *whole CLEANUP_FREE = scratch_path(scratch, "whole");
    struct error e CLEANUP_ERROR = {0};
    size_t size = 0;
    (void)state;
    pack_zeros(scratch);
    assert_int_equal(unpack_zeros(scratch, SIZE, &e), 0);
    char *content CLEANUP_FREE = file_read(whole, FILE_LIMIT, &size, NULL);
    assert_int_equal(size, SIZE);
    assert_true(bytes_are_zero(content, size));
    assert_int_equal(unpack_zeros(scratch, SIZE, &e), -EEXIST);
    assert_error_names(e, whole);
    assert_int_equal(unlink(whole), 0);
    assert_int_equal(unpack_zeros(scratch, SIZE - 1, &e), -EFBIG);
    assert_error_names(e, "more than", "come out");
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *whole CLEANUP_FREE = scratch_path(scratch, "whole");
    struct error e CLEANUP_ERROR = {0};
    struct rlimit limit;
    (void)state;
    pack_zeros(scratch);
    signals_report_size_limit();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {.rlim_cur = SIZE / 2, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int r = unpack_zeros(scratch, SIZE, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(r, -EFBIG);
    assert_error_names(e, whole, "cannot be written");
}

/* In a process of its own: a signal that was taken stays so. */
static void a_signal_ends_the_decompression(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    int status = 0;
    (void)state;
    pack_zeros(scratch);
    pid_t child = fork();
    if (child == 0) {
        struct error e CLEANUP_ERROR = {0};
        signals_block();
        (void)raise(SIGTERM);
        bool ended = unpack_zeros(scratch, SIZE, &e) == -ECANCELED;
        _exit(ended ? e.status : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 128 + SIGTERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_comes_out_than_the_limit),
        cmocka_unit_test(a_file_larger_than_all_that_is_read_is_named),
        cmocka_unit_test(a_file_gets_all_output_but_no_more_than_the_limit),
        cmocka_unit_test(a_file_that_cannot_be_written_is_named),
        cmocka_unit_test(a_signal_ends_the_decompression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
