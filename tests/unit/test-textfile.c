/* SPDX-License-Identifier: MIT */
#include "init/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void a_file_of_the_kernel_is_read_whole(void **state)
{
    (void)state;
    /* its size is 0 by stat(2), and it is longer than one page */
    char *text CLEANUP_FREE = textfile_read("/proc/kallsyms", NULL);
    assert_non_null(text);
    assert_true(strlen(text) > 10000);
}

static void a_file_is_written_and_read(void **state)
{
    (void)state;
    char path[] = "/tmp/run-vm-textfile-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    char *empty CLEANUP_FREE = textfile_read(path, NULL);
    assert_string_equal(empty, "");
    assert_int_equal(textfile_write(path, "a line\n"), 0);
    char *text CLEANUP_FREE = textfile_read(path, NULL);
    assert_string_equal(text, "a line\n");
    (void)unlink(path);
    assert_int_equal(textfile_write(path, "never made"), -ENOENT);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    static const char *const paths[] = {"/nonexistent/file", "/tmp"};
    for (size_t i = 0; i < ELEMENTS(paths); i++) {
        struct error e CLEANUP_ERROR = {0};
        assert_null(textfile_read(paths[i], &e));
        assert_error_names(e, paths[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_kernel_is_read_whole),
        cmocka_unit_test(a_file_is_written_and_read),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
