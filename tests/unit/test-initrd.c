/* SPDX-License-Identifier: MIT */
#include "host/initrd/initrd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/bootconfig.h"
#include "host/initrd/decompress.h"
#include "host/system/process.h"
#include "host/system/tree.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* A kernel of three modules, two of them compressed, and an init. */
static int setup(void **state)
{
    char *scratch = scratch_new();
    char *kernel CLEANUP_FREE = scratch_path(scratch, "lib/modules/1.0/kernel");
    assert_int_equal(tree_make(kernel, 0755, NULL), 0);
    scratch_write(scratch, "init", "the guest's init");
    static const char *const names[] = {"raw", "xz", "zstd"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *text CLEANUP_FREE =
            xasprintf("const char name_of_%s[100000] = \"%s\";", names[i], names[i]);
        char *source CLEANUP_FREE = scratch_path(scratch, "module.c");
        char *object CLEANUP_FREE = xasprintf("%s/%s.ko", kernel, names[i]);
        scratch_write(scratch, "module.c", text);
        scratch_run("gcc", "-c", "-w", "-g", "-o", object, source);
        /* looks signed: such a module is copied unchanged */
        char *sign CLEANUP_FREE =
            xasprintf("printf '~Module signature appended~\\n' >> '%s'", object);
        scratch_run("sh", "-c", sign);
        char *copy CLEANUP_FREE = xasprintf("%s/%s.original", scratch, names[i]);
        scratch_run("cp", object, copy);
        if (streq(names[i], "xz"))
            scratch_run("xz", "--check=crc32", object);
        if (streq(names[i], "zstd"))
            scratch_run("zstd", "-q", "--rm", object);
    }
    char *directory CLEANUP_FREE = scratch_path(scratch, "lib/modules/1.0");
    scratch_write(directory, "modules.order", "");
    scratch_write(directory, "modules.builtin", "");
    scratch_write(directory, "modules.builtin.modinfo", "");
    scratch_run("depmod", "-b", scratch, "1.0");
    char *cache CLEANUP_FREE = scratch_path(scratch, "cache");
    (void)setenv("XDG_CACHE_HOME", cache, 1);
    *state = scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_free((char **)state);
    return 0;
}

static struct initrd_spec spec_of(const char *scratch)
{
    struct initrd_spec spec = {.init = scratch_path(scratch, "init"),
                               .modules_dir = scratch_path(scratch, "lib/modules/1.0")};
    strv_split(&spec.modules, "xz,raw,zstd,nosuch", ',');
    return spec;
}

static void free_spec(struct initrd_spec *spec)
{
    free(spec->init);
    free(spec->modules_dir);
    strv_free(&spec->modules);
    cmdline_free(&spec->words);
}

#define CLEANUP_SPEC CLEANUP(free_spec)

/* Unpacks DIRECTORY/initrd below DIRECTORY/unpacked. */
static void unpack_initrd(const char *directory)
{
    char *to CLEANUP_FREE = scratch_path(directory, "unpacked");
    assert_int_equal(tree_make(to, 0755, NULL), 0);
    struct strv argv CLEANUP_STRV = {0};
    strv_split(&argv, "sh,-c,cpio -idmu --quiet --nonmatching '*console' < ../initrd", ',');
    const struct process process = {.argv = &argv, .cwd = to, .input = -1, .output = -1};
    assert_int_equal(process_run(&process, NULL), 0);
}

static void modules_are_in_it_unpacked(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    char *path CLEANUP_FREE = scratch_path(scratch, "initrd");
    struct error e CLEANUP_ERROR = {0};
    if (initrd_write(path, &spec, NULL, &e) < 0)
        fail_msg("%s", e.message);
    unpack_initrd(scratch);
    char *unpacked CLEANUP_FREE = scratch_path(scratch, "unpacked");
    char *init CLEANUP_FREE = scratch_read(unpacked, "init");
    assert_string_equal(init, "the guest's init");
    static const char *const names[] = {"raw", "xz", "zstd"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *ours CLEANUP_FREE = xasprintf("%s/lib/modules/1.0/kernel/%s.ko", unpacked, names[i]);
        char *original CLEANUP_FREE = xasprintf("%s/%s.original", scratch, names[i]);
        scratch_run("cmp", ours, original);
    }
}

/* Makes the raw module, and an initrd; the module's bytes in it. */
static char *module_in_initrd(const char *scratch, bool is_signed, bool strip_signed, size_t *size)
{
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    spec.strip_signed = strip_signed;
    char *object CLEANUP_FREE = scratch_path(spec.modules_dir, "kernel/raw.ko");
    char *path CLEANUP_FREE = scratch_path(scratch, "initrd");
    (void)unlink(path);
    if (!is_signed) {
        char *source CLEANUP_FREE = scratch_path(scratch, "module.c");
        scratch_write(scratch, "module.c",
                      "static int unused_symbol; int used; int *p(void) "
                      "{ return &unused_symbol; }");
        scratch_run("gcc", "-c", "-w", "-g", "-o", object, source);
    }
    assert_int_equal(initrd_write(path, &spec, NULL, NULL), 0);
    unpack_initrd(scratch);
    char *file CLEANUP_FREE = scratch_path(scratch, "unpacked/lib/modules/1.0/kernel/raw.ko");
    char *data = file_read(file, FILE_LIMIT, size, NULL);
    assert_non_null(data);
    return data;
}

static void modules_are_stripped_unless_that_drops_a_signature(void **state)
{
    size_t size = 0;
    char *unsigned_module CLEANUP_FREE = module_in_initrd(*state, false, false, &size);
    assert_null(memmem(unsigned_module, size, "debug_info", 10));
    assert_non_null(memmem(unsigned_module, size, "used", 4));
    (void)teardown(state);
    (void)setup(state);
    char *kept CLEANUP_FREE = module_in_initrd(*state, true, false, &size);
    assert_non_null(memmem(kept, size, "debug_info", 10));
    assert_non_null(memmem(kept, size, "signature appended", 18));
    char *stripped CLEANUP_FREE = module_in_initrd(*state, true, true, &size);
    assert_null(memmem(stripped, size, "debug_info", 10));
    assert_null(memmem(stripped, size, "signature appended", 18));
}

static void without_strip_modules_stay_as_they_are(void **state)
{
    size_t size = 0;
    char *first CLEANUP_FREE = module_in_initrd(*state, false, false, &size);
    size_t stripped = size;
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    char *tools CLEANUP_FREE = scratch_path(*state, "tools");
    char *command CLEANUP_FREE =
        xasprintf("mkdir '%s' && for t in gcc sh cpio as; do ln -s $(command -v $t) '%s'/; done",
                  tools, tools);
    scratch_run("sh", "-c", command);
    (void)setenv("PATH", tools, 1);
    char *second CLEANUP_FREE = module_in_initrd(*state, false, false, &size);
    (void)setenv("PATH", path, 1);
    assert_true(size > stripped);
}

static char *read_initrd(const char *path, size_t *size)
{
    struct error e CLEANUP_ERROR = {0};
    char *data = file_read(path, FILE_LIMIT, size, &e);
    if (!data)
        fail_msg("%s", e.message);
    return data;
}

static void the_same_inputs_give_the_same_bytes(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    char *paths[2];
    char *data[2];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        paths[i] = xasprintf("%s/initrd%d", scratch, i);
        assert_int_equal(initrd_write(paths[i], &spec, NULL, NULL), 0);
        data[i] = read_initrd(paths[i], &sizes[i]);
        /* another inode and another time */
        scratch_run("cp", "-r", spec.modules_dir, scratch);
        scratch_write(scratch, "init.new", "the guest's init");
        char *new CLEANUP_FREE = scratch_path(scratch, "init.new");
        assert_int_equal(rename(new, spec.init), 0);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(data[0], data[1], sizes[0]);
    for (int i = 0; i < 2; i++) {
        free(paths[i]);
        free(data[i]);
    }
}

static void long_parameters_stand_at_its_very_end(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    cmdline_add(&spec.words, "vm.mount", "/dev/vdb:/data");
    cmdline_add(&spec.words, "vm.mount", "/dev/vdc:/more");
    char *path CLEANUP_FREE = scratch_path(scratch, "initrd-with-words");
    assert_int_equal(initrd_write(path, &spec, NULL, NULL), 0);
    size_t size = 0;
    char *data CLEANUP_FREE = read_initrd(path, &size);
    assert_int_equal(size % 4, 0);
    assert_memory_equal(data + size - 12, "#BOOTCONFIG\n", 12);
    uint32_t text_size;
    (void)memcpy(&text_size, data + size - 20, sizeof text_size);
    struct cmdline words CLEANUP_CMDLINE = {0};
    assert_int_equal(bootconfig_parse(&words, data + size - 20 - text_size, NULL), 0);
    assert_int_equal(words.count, 2);
    assert_string_equal(words.words[1].value, "/dev/vdc:/more");
}

static void it_is_cached_until_something_changes(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    struct strv seen CLEANUP_STRV = {0};
    for (int i = 0; i < 5; i++) {
        if (i == 1) {
            strv_free(&spec.modules);
            strv_push(&spec.modules, "raw");
        }
        if (i == 2)
            cmdline_add(&spec.words, "vm.mount", "/dev/vdb:/data");
        if (i == 3)
            scratch_write(scratch, "init", "another init");
        struct cache_entry entry;
        assert_int_equal(initrd_get(&entry, &spec, scratch, NULL), 0);
        assert_true(entry.lock >= 0);
        (void)close(entry.lock);
        assert_int_equal(strv_contains(&seen, entry.path), i == 4);
        strv_take(&seen, entry.path);
    }
}

static void a_kernel_without_modules_has_none(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    free(TAKE(spec.modules_dir));
    char *path CLEANUP_FREE = scratch_path(scratch, "initrd-small");
    assert_int_equal(initrd_write(path, &spec, NULL, NULL), 0);
    size_t size = 0;
    char *data CLEANUP_FREE = read_initrd(path, &size);
    assert_null(memmem(data, size, "lib/modules", 11));
}

static void a_missing_init_is_named(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    free(spec.init);
    spec.init = xstrdup("/nowhere/init");
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_true(initrd_get(&entry, &spec, scratch, &e) < 0);
    assert_error_names(e, "/nowhere/init");
}

static void a_damaged_module_is_named(void **state)
{
    char *scratch = *state;
    struct initrd_spec spec CLEANUP_SPEC = spec_of(scratch);
    char *module CLEANUP_FREE = scratch_path(spec.modules_dir, "kernel/xz.ko.xz");
    assert_int_equal(truncate(module, 60), 0);
    char *path CLEANUP_FREE = scratch_path(scratch, "initrd-damaged");
    struct error e CLEANUP_ERROR = {0};
    assert_true(initrd_write(path, &spec, NULL, &e) < 0);
    assert_error_names(e, "xz.ko.xz");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(modules_are_in_it_unpacked),
        TEST(modules_are_stripped_unless_that_drops_a_signature),
        TEST(without_strip_modules_stay_as_they_are),
        TEST(the_same_inputs_give_the_same_bytes),
        TEST(long_parameters_stand_at_its_very_end),
        TEST(it_is_cached_until_something_changes),
        TEST(a_kernel_without_modules_has_none),
        TEST(a_missing_init_is_named),
        TEST(a_damaged_module_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
