/* SPDX-License-Identifier: MIT */
#include "host/initrd/moduleset.h"

#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/initrd/decompress.h"
#include "host/initrd/moduleindex.h"
#include "host/initrd/modulesource.h"
#include "host/system/tree.h"
#include "tests/unit/compiledkernel.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* The names of what is found for names with blanks between, with blanks between; `checked`: for a
 * kernel that will check signatures. */
static char *closure_for(const struct compiledkernel *kernel, const char *wanted, bool checked,
                         struct strv *missing)
{
    struct strv names CLEANUP_STRV = {0};
    strv_split(&names, wanted, ' ');
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    if (moduleset_find(&set, "", kernel->directory, &names, checked, &e) < 0)
        fail_msg("%s", e.message);
    struct strv found CLEANUP_STRV = {0};
    for (size_t i = 0; i < set.count; i++)
        strv_push(&found, set.items[i].name);
    if (missing)
        strv_extend(missing, &set.missing);
    return strv_join(&found, " ");
}

static char *closure(const struct compiledkernel *kernel, const char *wanted, struct strv *missing)
{
    return closure_for(kernel, wanted, true, missing);
}

static void a_module_brings_all_it_depends_on(void **state)
{
    static const struct {
        const char *wanted;
        const char *found;
    } cases[] = {
        {"journal", "base journal"},
        {"unused", "unused"},
        {"disk-fs", "base disk_fs journal late sum_fast sum_generic"},
        {"disk_fs base", "base disk_fs journal late sum_fast sum_generic"},
        {"late", "base disk_fs journal late sum_fast sum_generic"},
        {"fs-disk", "base disk_fs journal late sum_fast sum_generic"},
        {"sum-soft", "sum_fast sum_generic"},
        {"virtio:d00000002v00001AF4", "virtio"},
        {"inside", ""},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct strv missing CLEANUP_STRV = {0};
        char *found CLEANUP_FREE = closure(*state, cases[i].wanted, &missing);
        assert_string_equal(found, cases[i].found);
        assert_int_equal(missing.count, 0);
    }
}

/* Signs a module as the kernel's scripts/sign-file does: CMS, struct module_signature, magic. */
static void sign(const struct compiledkernel *kernel, const char *file)
{
    static const char script[] =
        "set -e; cd \"$0\"; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout key"
        " -out certificate 2>messages;"
        " openssl cms -sign -binary -noattr -nocerts -md sha256 -outform DER -signer certificate"
        " -inkey key -in \"$1\" -out signature; n=$(stat -c %s signature);"
        " { cat signature; printf '\\0\\0\\2\\0\\0\\0\\0\\0\\0\\0';"
        " printf \"\\\\$(printf %03o $((n / 256)))\\\\$(printf %03o $((n % 256)))\";"
        " echo '~Module signature appended~'; } >>\"$1\"";
    char *object CLEANUP_FREE = scratch_path(kernel->directory, file);
    scratch_run("bash", "-c", script, kernel->scratch, object);
}

static void signed_modules_bring_what_checks_their_signatures(void **state)
{
    char *not_signed CLEANUP_FREE = closure(*state, "unused", NULL);
    assert_string_equal(not_signed, "unused");
    sign(*state, "kernel/unused.ko");
    char *as_signed CLEANUP_FREE = closure(*state, "unused", NULL);
    assert_string_equal(as_signed, "sha_fast unused");
    char *stripped CLEANUP_FREE = closure_for(*state, "unused", false, NULL);
    assert_string_equal(stripped, "unused");
}

static void names_that_nothing_has_are_reported(void **state)
{
    struct strv missing CLEANUP_STRV = {0};
    char *found CLEANUP_FREE = closure(*state, "nosuch base fs-nosuch", &missing);
    char *names CLEANUP_FREE = strv_join(&missing, " ");
    assert_string_equal(found, "base");
    assert_string_equal(names, "nosuch fs-nosuch");
}

static void a_name_longer_than_a_path_is_reported(void **state)
{
    char name[2 * PATH_MAX];
    (void)memset(name, 'a', sizeof name - 1);
    name[0] = '[';
    name[sizeof name - 1] = '\0';
    struct strv missing CLEANUP_STRV = {0};
    char *found CLEANUP_FREE = closure(*state, name, &missing);
    assert_string_equal(found, "");
    assert_int_equal(missing.count, 1);
}

static void a_directory_without_indexes_is_named(void **state)
{
    const struct compiledkernel *kernel = *state;
    struct strv names CLEANUP_STRV = {0};
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(moduleset_find(&set, "", kernel->scratch, &names, true, &e), -ENOENT);
    assert_error_names(e, kernel->scratch, "depmod");
}

/* Running the command from the error's hint makes the indexes. */
static void the_hint_for_indexes_is_a_command(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *base CLEANUP_FREE = xasprintf("%s/it's a kernel", scratch);
    char *directory CLEANUP_FREE = xasprintf("%s/lib/modules/1.0", base);
    struct strv names CLEANUP_STRV = {0};
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    scratch_run("mkdir", "-p", directory);
    assert_int_equal(moduleset_find(&set, "", directory, &names, true, &e), -ENOENT);
    const char *command = strstr(e.message, "depmod -b ");
    assert_non_null(command);
    scratch_run("sh", "-c", command);
    if (moduleset_find(&set, "", directory, &names, true, &e) < 0)
        fail_msg("%s", e.message);
}

/* What the guest's libkmod finds, in a directory with our files alone: names of modules, with what
 * each depends on, in the order they are loaded. */
static char *look_up(const char *directory, const char *alias)
{
    const char *const no_configuration = NULL;
    struct kmod_ctx *context = kmod_new(directory, &no_configuration);
    assert_non_null(context);
    assert_int_equal(kmod_load_resources(context), 0);
    struct kmod_list *list = NULL;
    assert_true(kmod_module_new_from_lookup(context, alias, &list) >= 0);
    struct strv found CLEANUP_STRV = {0};
    struct kmod_list *i;
    kmod_list_foreach(i, list)
    {
        struct kmod_module *module = kmod_module_get_module(i);
        struct kmod_list *before = NULL;
        struct kmod_list *after = NULL;
        assert_int_equal(kmod_module_get_softdeps(module, &before, &after), 0);
        struct kmod_list *needs = kmod_module_get_dependencies(module);
        struct kmod_list *const lists[] = {before, needs, after};
        for (size_t l = 0; l < ELEMENTS(lists); l++) {
            struct kmod_list *j;
            kmod_list_foreach(j, lists[l])
            {
                struct kmod_module *needed = kmod_module_get_module(j);
                strv_pushf(&found, "(%s)", kmod_module_get_name(needed));
                kmod_module_unref(needed);
            }
            kmod_module_unref_list(lists[l]);
        }
        const char *path = kmod_module_get_path(module);
        strv_push(&found, path ? strrchr(path, '/') + 1 : "built in");
        kmod_module_unref(module);
    }
    kmod_module_unref_list(list);
    kmod_unref(context);
    return strv_join(&found, " ");
}

/* Makes a directory like the guest's, for some of the modules. */
static void write_files(const struct compiledkernel *kernel, const char *to)
{
    /* libkmod looks whether the modules are there */
    char *modules CLEANUP_FREE = scratch_path(kernel->directory, "kernel");
    scratch_run("cp", "-r", modules, to);
    struct strv names CLEANUP_STRV = {0};
    strv_split(&names, "disk-fs virtio hashing", ' ');
    struct module_set set CLEANUP_MODULE_SET = {0};
    assert_int_equal(moduleset_find(&set, "", kernel->directory, &names, true, NULL), 0);
    struct module_file files[MODULE_FILES];
    assert_int_equal(moduleset_files(&set, "", kernel->directory, files, NULL), 0);
    for (size_t i = 0; i < MODULE_FILES; i++) {
        char *path CLEANUP_FREE = scratch_path(to, files[i].name);
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(files[i].content, 1, files[i].size, f), files[i].size);
        assert_int_equal(fclose(f), 0);
        free(files[i].content);
    }
}

static void the_guest_finds_what_is_there(void **state)
{
    const struct compiledkernel *kernel = *state;
    char *guest CLEANUP_FREE = scratch_path(kernel->scratch, "guest");
    assert_int_equal(tree_make(guest, 0755, NULL), 0);
    write_files(kernel, guest);
    static const char *const aliases[] = {
        "disk-fs",
        "disk_fs",
        "fs-disk",
        "sum-soft",
        "journal",
        "base",
        "late",
        "cpu:abcx",
        "cpu:abc",
        "virtio:d00000009v00001AF4",
        "virtio:d0000000Av00001AF4",
        "inside",
        "unused",
        "fs-unused",
    };
    for (size_t i = 0; i < ELEMENTS(aliases); i++) {
        char *ours CLEANUP_FREE = look_up(guest, aliases[i]);
        /* the module that was not wanted is the one difference from the whole kernel */
        char *whole CLEANUP_FREE =
            streq(aliases[i], "unused") ? xstrdup("") : look_up(kernel->directory, aliases[i]);
        assert_string_equal(ours, whole);
    }
    char *found CLEANUP_FREE = look_up(guest, "fs-disk");
    assert_non_null(strstr(found, "(sum_"));
    assert_non_null(strstr(found, "(base) (journal) (late) disk-fs.ko"));
}

/* All modules with an algorithm would be loaded, where the kernel asks for it when it has none. */
static void algorithms_are_left_to_the_kernel(void **state)
{
    const struct compiledkernel *kernel = *state;
    char *guest CLEANUP_FREE = scratch_path(kernel->scratch, "algorithms");
    assert_int_equal(tree_make(guest, 0755, NULL), 0);
    write_files(kernel, guest);
    char *softdeps CLEANUP_FREE = scratch_read(guest, "modules.softdep");
    assert_non_null(strstr(softdeps, "softdep hashing pre: base post:\n"));
    char *there CLEANUP_FREE = look_up(guest, "crypto-hash");
    assert_string_equal(there, "hash_generic.ko");
}

static void an_index_of_many_keys_is_read_back(void **state)
{
    const struct compiledkernel *kernel = *state;
    char *guest CLEANUP_FREE = scratch_path(kernel->scratch, "many");
    assert_int_equal(tree_make(guest, 0755, NULL), 0);
    write_files(kernel, guest);
    struct module_index index = {0};
    for (unsigned int i = 0; i < 20000; i++)
        moduleindex_add(&index, xasprintf("m%x", i), xasprintf("kernel/m%x.ko:", i), i);
    size_t size = 0;
    char *content CLEANUP_FREE = moduleindex_format(&index, &size);
    moduleindex_free(&index);
    char *path CLEANUP_FREE = scratch_path(guest, "modules.dep.bin");
    FILE *f = fopen(path, "we");
    assert_int_equal(fwrite(content, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    for (unsigned int i = 0; i < 20000; i += 97) {
        char *name CLEANUP_FREE = xasprintf("m%x", i);
        char *file CLEANUP_FREE = xasprintf("m%x.ko", i);
        char *found CLEANUP_FREE = look_up(guest, name);
        assert_string_equal(found, file);
    }
    char *found CLEANUP_FREE = look_up(guest, "m4e20");
    assert_string_equal(found, "");
}

/* Writes a file of any bytes beside the modules. */
static void write_bytes(const struct compiledkernel *kernel, const char *name, const char *bytes,
                        size_t size)
{
    char *path CLEANUP_FREE = scratch_path(kernel->directory, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Finds something, or says which file is damaged. 1: it was. */
static int find_in_damaged(const struct compiledkernel *kernel, const char *damaged)
{
    struct strv names CLEANUP_STRV = {0};
    strv_split(&names, "disk-fs virtio:d00000009v00001AF4 hashing ext4 cpu:abx crc32c", ' ');
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    int r = moduleset_find(&set, "", kernel->directory, &names, true, &e);
    if (r < 0)
        assert_error_names(e, damaged);
    return r < 0;
}

/* A generator of its own: the same mutations everywhere (Numerical Recipes' constants). */
static uint32_t next_random(uint32_t *state)
{
    return (*state = *state * 1664525 + 1013904223) >> 8;
}

/* Damage of the kind that makes Debian's libkmod crash is reported with the index's name. */
static void a_damaged_index_is_named(void **state)
{
    static const char *const indexes[] = {"modules.dep.bin", "modules.alias.bin",
                                          "modules.builtin.bin"};
    const struct compiledkernel *kernel = *state;
    uint32_t random = 1;
    int refused = 0;
    for (size_t i = 0; i < ELEMENTS(indexes); i++) {
        size_t size = 0;
        char *good CLEANUP_FREE = modulesource_read("", kernel->directory, indexes[i], &size, NULL);
        char *bad CLEANUP_FREE = xcalloc(size, 1);
        for (int round = 0; round < 300; round++) {
            (void)memcpy(bad, good, size);
            for (uint32_t j = next_random(&random) % 8 + 1; j > 0; j--)
                bad[next_random(&random) % size] = (char)next_random(&random);
            size_t kept = round % 3 == 0 ? next_random(&random) % size : size;
            write_bytes(kernel, indexes[i], bad, kept);
            refused += find_in_damaged(kernel, "modules.");
        }
        write_bytes(kernel, indexes[i], good, size);
    }
    assert_true(refused > 300);
    char *found CLEANUP_FREE = closure(kernel, "journal", NULL);
    assert_string_equal(found, "base journal");
}

static void what_crashed_libkmod_is_named(void **state)
{
    static const char *const files[] = {"modules.dep.bin-signal-7", "modules.dep.bin-signal-11",
                                        "modules.alias.bin-signal-6",
                                        "modules.alias.bin-signal-11"};
    const struct compiledkernel *kernel = *state;
    for (size_t i = 0; i < ELEMENTS(files); i++) {
        char *packed CLEANUP_FREE = xasprintf("tests/unit/hostile/%s.xz", files[i]);
        char *name CLEANUP_FREE = xstrndup(files[i], strcspn(files[i], "-"));
        struct error e CLEANUP_ERROR = {0};
        size_t size = 0;
        size_t good_size = 0;
        char *good CLEANUP_FREE = modulesource_read("", kernel->directory, name, &good_size, NULL);
        char *bad CLEANUP_FREE = decompress_module(packed, DECOMPRESS_LIMIT, &size, &e);
        if (!bad)
            fail_msg("%s", e.message);
        write_bytes(kernel, name, bad, size);
        assert_int_equal(find_in_damaged(kernel, name), 1);
        write_bytes(kernel, name, good, good_size);
    }
}

/* The error for modules that are looked for below a root. */
static char *refusal(const struct compiledkernel *kernel, const char *wanted)
{
    struct strv names CLEANUP_STRV = {0};
    strv_push(&names, wanted);
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    int r = moduleset_find(&set, kernel->scratch, kernel->directory, &names, true, &e);
    return r < 0 ? TAKE(e.message) : xstrdup("");
}

static void links_lead_no_further_than_the_root(void **state)
{
    const struct compiledkernel *kernel = *state;
    char *outside CLEANUP_SCRATCH = scratch_new();
    scratch_write(outside, "secret", "of the host");
    char *secret CLEANUP_FREE = scratch_path(outside, "secret");
    char *base CLEANUP_FREE = scratch_path(kernel->directory, "kernel/fs/base.ko");
    char *late CLEANUP_FREE = scratch_path(kernel->directory, "kernel/late.ko");
    char *elsewhere CLEANUP_FREE = scratch_path(kernel->scratch, "elsewhere.ko");
    char *order CLEANUP_FREE = scratch_path(kernel->directory, "modules.order");
    scratch_run("ln", "-sf", secret, base);
    char *out CLEANUP_FREE = refusal(kernel, "base");
    assert_non_null(strstr(out, "base"));
    assert_non_null(strstr(out, "inside"));
    /* what is absolute for the guest is found */
    scratch_run("mv", late, elsewhere);
    scratch_run("ln", "-s", "/../elsewhere.ko", late);
    char *in CLEANUP_FREE = refusal(kernel, "unused");
    assert_string_equal(in, "");
    struct strv names CLEANUP_STRV = {0};
    strv_push(&names, "late");
    scratch_run("ln", "-sf", "../../../../../../../../../../elsewhere.ko", base);
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    if (moduleset_find(&set, kernel->scratch, kernel->directory, &names, true, &e) < 0)
        fail_msg("%s", e.message);
    assert_string_equal(set.items[0].name, "base");
    assert_string_equal(set.items[0].file, elsewhere);
    /* nor is what is beside the modules read out there */
    scratch_run("ln", "-sf", secret, order);
    char *files CLEANUP_FREE = refusal(kernel, "unused");
    assert_string_equal(files, "");
    char *softdep CLEANUP_FREE = scratch_path(kernel->directory, "modules.softdep");
    scratch_run("ln", "-sf", secret, softdep);
    char *text CLEANUP_FREE = refusal(kernel, "unused");
    assert_non_null(strstr(text, "modules.softdep"));
}

static void a_module_outside_of_the_directory_is_refused(void **state)
{
    static const char *const paths[] = {"../../../secret.ko", "/etc/passwd", "kernel/../../x.ko"};
    const struct compiledkernel *kernel = *state;
    for (size_t i = 0; i < ELEMENTS(paths); i++) {
        struct module_index index = {0};
        moduleindex_add(&index, xstrdup("base"), xasprintf("%s:", paths[i]), 0);
        size_t size = 0;
        char *content CLEANUP_FREE = moduleindex_format(&index, &size);
        moduleindex_free(&index);
        write_bytes(kernel, "modules.dep.bin", content, size);
        char *text CLEANUP_FREE = refusal(kernel, "base");
        assert_non_null(strstr(text, "modules.dep.bin"));
        assert_non_null(strstr(text, paths[i]));
    }
}

/* A chain of as many modules as an index holds is followed without a call for each. */
static void a_chain_of_many_modules_has_an_end(void **state)
{
    const struct compiledkernel *kernel = *state;
    struct module_index index = {0};
    for (int i = 0; i < 20000; i++)
        moduleindex_add(&index, xasprintf("m%d", i), xasprintf("m%d.ko: m%d.ko", i, i + 1), 0);
    size_t size = 0;
    char *content CLEANUP_FREE = moduleindex_format(&index, &size);
    moduleindex_free(&index);
    write_bytes(kernel, "modules.dep.bin", content, size);
    struct strv names CLEANUP_STRV = {0};
    strv_push(&names, "m0");
    struct module_set set CLEANUP_MODULE_SET = {0};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(moduleset_find(&set, "", kernel->directory, &names, true, &e), -E2BIG);
    assert_error_names(e, kernel->directory, "10000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_brings_all_it_depends_on),
        cmocka_unit_test(names_that_nothing_has_are_reported),
        cmocka_unit_test(a_name_longer_than_a_path_is_reported),
        cmocka_unit_test(a_directory_without_indexes_is_named),
        cmocka_unit_test(the_hint_for_indexes_is_a_command),
        cmocka_unit_test(the_guest_finds_what_is_there),
        cmocka_unit_test(algorithms_are_left_to_the_kernel),
        cmocka_unit_test(an_index_of_many_keys_is_read_back),
        cmocka_unit_test(a_damaged_index_is_named),
        cmocka_unit_test(what_crashed_libkmod_is_named),
        cmocka_unit_test_setup_teardown(links_lead_no_further_than_the_root, compiledkernel_setup,
                                        compiledkernel_teardown),
        cmocka_unit_test_setup_teardown(a_module_outside_of_the_directory_is_refused,
                                        compiledkernel_setup, compiledkernel_teardown),
        cmocka_unit_test_setup_teardown(a_chain_of_many_modules_has_an_end, compiledkernel_setup,
                                        compiledkernel_teardown),
        cmocka_unit_test_setup_teardown(signed_modules_bring_what_checks_their_signatures,
                                        compiledkernel_setup, compiledkernel_teardown),
    };
    return cmocka_run_group_tests(tests, compiledkernel_setup, compiledkernel_teardown);
}
