/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void a_file_of_the_kernel_is_read_whole(void **state)
{
    (void)state;
    /* its size is 0 by stat(2), and it is longer than one page */
    char *text CLEANUP_FREE = file_read("/proc/kallsyms", FILE_LIMIT, NULL, NULL);
    assert_non_null(text);
    assert_true(strlen(text) > 10000);
}

static void a_file_is_written_and_read(void **state)
{
    (void)state;
    char path[] = "/tmp/run-vm-file-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    char *empty CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, NULL);
    assert_string_equal(empty, "");
    assert_int_equal(file_set(path, "a line\n"), 0);
    char *text CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, NULL);
    assert_string_equal(text, "a line\n");
    (void)unlink(path);
    assert_int_equal(file_set(path, "never made"), -ENOENT);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/file", "/tmp"};
    for (size_t i = 0; i < ELEMENTS(paths); i++) {
        struct error e CLEANUP_ERROR = {0};
        assert_null(file_read(paths[i], FILE_LIMIT, NULL, &e));
        assert_error_names(e, paths[i]);
    }
}

static void what_is_no_file_is_named_at_once(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *fifo CLEANUP_FREE = scratch_path(scratch, "fifo");
    const char *const paths[] = {fifo, scratch, "/dev/zero"};
    (void)state;
    scratch_run("mkfifo", fifo);
    for (size_t i = 0; i < ELEMENTS(paths); i++) {
        struct error e CLEANUP_ERROR = {0};
        assert_null(file_read(paths[i], FILE_LIMIT, NULL, &e));
        assert_error_names(e, paths[i], "not a regular file");
    }
}

static void a_file_larger_than_the_limit_is_named(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "large");
    size_t size = 0;
    (void)state;
    scratch_run("truncate", "-s", "1M", path);
    char *whole CLEANUP_FREE = file_read(path, 1 << 20, &size, NULL);
    assert_non_null(whole);
    assert_int_equal(size, 1 << 20);
    struct error e CLEANUP_ERROR = {0};
    assert_null(file_read(path, (1 << 20) - 1, &size, &e));
    assert_error_names(e, path, "larger than");
    /* stat(2) does not know how long it is */
    assert_null(file_read("/proc/kallsyms", 10000, &size, &e));
    assert_error_names(e, "/proc/kallsyms", "cannot be read whole", "File too large");
}

static void the_head_of_a_shorter_file_is_shorter(void **state)
{
    char head[8];
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "file");
    (void)state;
    assert_int_equal(file_create_at(AT_FDCWD, path, 0600, "12345", 5, NULL), 0);
    assert_int_equal(file_read_head(path, head, 4), 4);
    assert_memory_equal(head, "1234", 4);
    assert_int_equal(file_read_head(path, head, sizeof head), 5);
    assert_memory_equal(head, "12345", 5);
    assert_int_equal(file_read_head("/nonexistent", head, sizeof head), -ENOENT);
}

static void a_file_that_is_there_is_not_made(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "file");
    struct error e CLEANUP_ERROR = {0};
    (void)state;
    assert_int_equal(file_create_at(AT_FDCWD, path, 0600, "first", 5, NULL), 0);
    assert_int_equal(file_create_at(AT_FDCWD, path, 0600, "second", 6, &e), -EEXIST);
    assert_error_names(e, path, "cannot be written");
    char *text CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, NULL);
    assert_string_equal(text, "first");
}

/* A pipe accepts only a part of the data until it is read. */
static void what_was_not_written_at_once_is_written_later(void **state)
{
    enum { SIZE = 1 << 20 };
    int ends[2];
    char *bytes CLEANUP_FREE = xcalloc(SIZE, 1);
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        size_t sum = 0;
        (void)close(ends[1]);
        for (ssize_t got; (got = read(ends[0], bytes, SIZE)) > 0;)
            sum += (size_t)got;
        _exit(sum == SIZE ? 0 : 1);
    }
    (void)close(ends[0]);
    assert_int_equal(file_write(ends[1], bytes, SIZE), 0);
    (void)close(ends[1]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void a_full_filesystem_is_reported(void **state)
{
    struct error e CLEANUP_ERROR = {0};
    int fd CLEANUP_CLOSE = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_int_equal(file_write(fd, "text", 4), -ENOSPC);
    assert_int_equal(file_set("/dev/full", "text"), -ENOSPC);
    assert_int_equal(file_create_at(AT_FDCWD, "/nonexistent/file", 0600, "", 0, &e), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_kernel_is_read_whole),
        cmocka_unit_test(a_file_is_written_and_read),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(what_is_no_file_is_named_at_once),
        cmocka_unit_test(a_file_larger_than_the_limit_is_named),
        cmocka_unit_test(the_head_of_a_shorter_file_is_shorter),
        cmocka_unit_test(a_file_that_is_there_is_not_made),
        cmocka_unit_test(what_was_not_written_at_once_is_written_later),
        cmocka_unit_test(a_full_filesystem_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
