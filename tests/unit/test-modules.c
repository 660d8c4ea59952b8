/* SPDX-License-Identifier: MIT */
#include "init/devices/modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/initrd/moduleindex.h"
#include "tests/unit/unit.h"

static int make_directory(void **state)
{
    char *path = xstrdup("/tmp/run-vm-modules-XXXXXX");
    assert_non_null(mkdtemp(path));
    *state = path;
    return 0;
}

static int remove_directory(void **state)
{
    char *command[] = {(char *)"rm", (char *)"-rf", *state, NULL};
    pid_t child = fork();
    if (child == 0)
        (void)execvp(command[0], command);
    free(*state);
    return child < 0 ? -1 : 0;
}

static void an_initrd_without_modules_is_fine(void **state)
{
    struct modules modules CLEANUP_MODULES = {0};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(modules_open(&modules, *state, &e), 0);
    assert_false(modules_load(&modules, "fs-ext4"));
    char *absent CLEANUP_FREE = xasprintf("%s/none", (char *)*state);
    assert_int_equal(modules_open(&modules, absent, &e), 0);
}

static void modules_of_another_kernel_are_an_error_in_those_words(void **state)
{
    struct modules modules CLEANUP_MODULES = {0};
    struct error e CLEANUP_ERROR = {0};
    struct utsname kernel;
    char *other CLEANUP_FREE = xasprintf("%s/1.2.3-other", (char *)*state);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(uname(&kernel), 0);
    assert_int_equal(modules_open(&modules, *state, &e), -ENOENT);
    assert_error_names(e, "do not match the running kernel", "1.2.3-other", kernel.release);
}

/* One index of libkmod with one entry. */
static void write_index(const char *directory, const char *name, const char *key, const char *value)
{
    struct module_index index = {0};
    size_t size;
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    FILE *f CLEANUP_FCLOSE = fopen(path, "w");
    assert_non_null(f);
    if (key)
        moduleindex_add(&index, xstrdup(key), xstrdup(value), 0);
    char *content CLEANUP_FREE = moduleindex_format(&index, &size);
    assert_int_equal(fwrite(content, 1, size, f), size);
    moduleindex_free(&index);
}

static void modules_are_found_by_name_and_by_alias(void **state)
{
    struct modules modules CLEANUP_MODULES = {0};
    struct utsname kernel;
    assert_int_equal(uname(&kernel), 0);
    char *path CLEANUP_FREE = xasprintf("%s/%s", (char *)*state, kernel.release);
    assert_int_equal(mkdir(path, 0755), 0);
    write_index(path, "modules.dep.bin", NULL, NULL);
    write_index(path, "modules.symbols.bin", NULL, NULL);
    write_index(path, "modules.builtin.bin", "some_thing", "");
    write_index(path, "modules.alias.bin", "virtio:d0000002Av*", "some_thing");
    assert_int_equal(modules_open(&modules, *state, NULL), 0);
    assert_true(modules_load(&modules, "some_thing"));
    assert_true(modules_load(&modules, "some-thing"));
    assert_true(modules_load(&modules, "virtio:d0000002Av00001AF4"));
    assert_false(modules_load(&modules, "virtio:d0000002Bv00001AF4"));
    assert_false(modules_load(&modules, "no_such_thing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_initrd_without_modules_is_fine, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(modules_of_another_kernel_are_an_error_in_those_words,
                                        make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(modules_are_found_by_name_and_by_alias, make_directory,
                                        remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
