/* SPDX-License-Identifier: MIT */
/* The files that a start makes, and where. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "common/params.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void a_registration_is_made_where_nix_built_none(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const struct plan_file *file;

    (void)state;
    planned_new(
        &p,
        "{\"system\": {\"build\": {\"regInfo\": {\"_type\": \"override\", \"priority\": 50, "
        "\"content\": null}}}}",
        planned_no_environment);
    planned_expect_success(&p);
    file = planned_find_file(&p, FILE_REGISTRATION);
    assert_non_null(file);
    assert_non_null(strstr(file->path, "/xchg/registration"));
    assert_int_equal(file->roots.count, 1);
    assert_non_null(strstr(planned_argument(&p, "-append", 0), "regInfo=/tmp/xchg/registration"));
}

static void files_are_made_in_the_specifications_order(void **state)
{
    static const enum file_kind order[] = {FILE_DISK_IMAGE, FILE_TEMPORARY, FILE_STORE_IMAGE,
                                           FILE_DIRECTORY,  FILE_BOOT_DISK, FILE_COPY,
                                           FILE_DISK_IMAGE};
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_new(&p,
                VM("\"useNixStoreImage\": true, \"writableStore\": false, \"useBootLoader\": true, "
                   "\"useEFIBoot\": true, \"emptyDiskImages\": [5]"),
                planned_no_environment);
    planned_expect_success(&p);
    assert_int_equal(p.plan.file_count, ELEMENTS(order));
    for (size_t i = 0; i < ELEMENTS(order); i++)
        assert_int_equal(p.plan.files[i].kind, order[i]);
    assert_int_equal(p.plan.files[0].bytes, 1024 * 1024 * UINT64_C(1024));
}

static void a_file_that_is_dropped_is_not_needed(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_new(&p, VM("\"emptyDiskImages\": [5]"), planned_no_environment);
    planned_expect_success(&p);
    size_t before = p.plan.need_count;
    plan_keep_files(&p.plan, 1U << FILE_INITRD | 1U << FILE_KERNEL);
    assert_null(planned_find_file(&p, FILE_DISK_IMAGE));
    assert_true(p.plan.need_count > 0 && p.plan.need_count < before);
    for (size_t i = 0; i < p.plan.need_count; i++)
        assert_null(strstr(p.plan.needs[i].path, ".qcow2"));
}

static void the_temporary_directory_is_where_the_environment_says(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct planned kept CLEANUP_PLANNED;
    struct planned missing CLEANUP_PLANNED;
    const char *const in_build[] = {"TMPDIR=build/", NULL};
    const char *const keep[] = {"TMPDIR=./new", "USE_TMPDIR=1", NULL};
    const char *const nowhere[] = {"TMPDIR=/no/such", NULL};

    (void)state;
    planned_new(&p, "{}", in_build);
    planned_expect_success(&p);
    assert_non_null(strstr(p.plan.cwd, "/build/nix-vm.0123456789"));
    assert_false(planned_find_file(&p, FILE_TEMPORARY)->keep);
    planned_new(&kept, "{}", keep);
    planned_expect_success(&kept);
    assert_int_equal(strncmp(kept.plan.cwd, kept.scratch, strlen(kept.scratch)), 0);
    assert_string_equal(kept.plan.cwd + strlen(kept.scratch), "/new");
    assert_true(planned_find_file(&kept, FILE_TEMPORARY)->keep);
    planned_new(&missing, "{}", nowhere);
    planned_expect_problem(&missing, "environment: TMPDIR", "/no/such", NULL);
}

/* The user's firmware and the system's own initrd get the kernel as it is. */
static void a_kernel_is_unpacked_unless_that_might_not_boot(void **state)
{
    static const struct {
        const char *options;
        bool unpacked;
    } cases[] = {
        {VM(""), true},
        {SYSTEM(""), false},
        {"{\"runVm\": {\"kernel\": \"bzImage\"}}", false},
        {VM("\"useEFIBoot\": true, \"efi\": {\"variables\": \"@/init\", \"firmware\": \"@/init\"}"),
         false},
        {VM("\"bios\": \"@/qemu\""), false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_new(&p, cases[i].options, planned_no_environment);
        planned_expect_success(&p);
        assert_int_equal(planned_find_file(&p, FILE_KERNEL) != NULL, cases[i].unpacked);
    }
}

static void the_store_of_a_prefix_is_read_through_its_links(void **state)
{
    struct planned p CLEANUP_PLANNED;
    static const char *const directories[] = {"p", "p/nix", "p/nix/store", "p/nix/store/s"};
    char *link CLEANUP_FREE = NULL;

    (void)state;
    planned_init(&p);
    for (size_t i = 0; i < ELEMENTS(directories); i++) {
        char *path CLEANUP_FREE = scratch_path(p.scratch, directories[i]);

        assert_int_equal(mkdir(path, 0755), 0);
    }
    scratch_write(p.scratch, "p/nix/store/k", "");
    scratch_write(p.scratch, "p/nix/store/s/initrd", "");
    scratch_write(p.scratch, "p/nix/store/s/kernel-params", "quiet");
    link = scratch_path(p.scratch, "p/nix/store/s/kernel");
    assert_int_equal(symlink("/nix/store/k", link), 0);
    planned_make(
        &p,
        "{\"runVm\": {\"initrd\": \"system\", \"store\": \"@/p\"}, \"system\": {\"build\": "
        "{\"toplevel\": {\"_type\": \"override\", \"priority\": 50, \"content\": "
        "\"/nix/store/s\"}}}}",
        planned_no_environment);
    planned_expect_success(&p);
    assert_non_null(strstr(planned_argument(&p, "-kernel", 0), "/p/nix/store/k"));
    assert_non_null(strstr(planned_argument(&p, "-initrd", 0), "/p/nix/store/s/initrd"));
    assert_non_null(strstr(planned_argument(&p, "-append", 0), "init=/nix/store/s/init"));
    assert_non_null(strstr(planned_argument(&p, "-virtfs", 0), "/p/nix/store,security_model"));
}

static void the_host_formats_only_an_image_that_the_guest_does_not(void **state)
{
    static const struct {
        const char *release;
        const char *initrd;
        const char *more;  /* of virtualisation */
        const char *label; /* NULL: the image is blank */
    } cases[] = {
        {"22.11", "system", "", NULL},
        {"22.11", "system", ", \"rootDevice\": \"/dev/disk/by-label/nixos\"", NULL},
        {"23.11", "system", "", "nixos"},
        {"23.11", "builtin", "", NULL},
        {"25.11", "builtin", ", \"useBootLoader\": true", "nixos"},
        {"25.11", "system", ", \"rootDevice\": \"/dev/disk/by-label/mine\"", "mine"},
        {"25.11", "system", ", \"rootDevice\": \"/dev/vdb\", \"emptyDiskImages\": [9]", "nixos"},
        {"25.11", "system", ", \"useDefaultFilesystems\": false", NULL},
        {"25.11", "system",
         ", \"fileSystems\": {\"/\": {\"fsType\": {\"_type\": \"override\", \"priority\": 50, "
         "\"content\": \"btrfs\"}}}",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE =
            xasprintf("{\"runVm\": {\"release\": \"%s\", \"initrd\": \"%s\"}, "
                      "\"virtualisation\": {\"cores\": 1%s}}",
                      cases[i].release, cases[i].initrd, cases[i].more);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        const char *label = planned_find_file(&p, FILE_DISK_IMAGE)->label;
        if (strcmp(label ? label : "none", cases[i].label ? cases[i].label : "none") != 0)
            fail_msg("case %zu: the label is %s", i, label ? label : "none");
    }
}

static void an_initrd_of_the_users_is_given_as_it_is(void **state)
{
    struct planned p CLEANUP_PLANNED, both CLEANUP_PLANNED;

    (void)state;
    planned_new(&p, VM("\"directBoot\": {\"initrd\": \"/srv/netboot\"}"), planned_no_environment);
    planned_expect_success(&p);
    assert_string_equal(planned_argument(&p, "-initrd", 0), "/srv/netboot");
    assert_null(strstr(planned_argument(&p, "-append", 0), "vm."));
    planned_new(&both, VM("\"directBoot\": {\"initrd\": \"/srv/netboot\", \"enable\": false}"),
                planned_no_environment);
    planned_expect_problem(&both, "virtualisation.directBoot.initrd", "directBoot.enable", NULL);
}

static void a_foreign_system_is_given_no_kernel(void **state)
{
    struct planned p CLEANUP_PLANNED, automatic CLEANUP_PLANNED;

    (void)state;
    planned_new(&p,
                VM("\"directBoot\": {\"enable\": false}, \"useDefaultFilesystems\": false, "
                   "\"fileSystems\": {\"_type\": \"override\", \"priority\": 50, \"content\": {}}"),
                planned_no_environment);
    planned_expect_success(&p);
    assert_int_equal(planned_count(&p, "-kernel"), 0);
    assert_int_equal(planned_count(&p, "-append"), 0);
    assert_null(planned_find_file(&p, FILE_BOOT_DISK));
    planned_new(&automatic, VM("\"diskSize\": \"auto\""), planned_no_environment);
    planned_expect_problem(&automatic, "virtualisation.diskSize", "is \"auto\"", "MiB", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_initrd_of_the_users_is_given_as_it_is),
        cmocka_unit_test(a_foreign_system_is_given_no_kernel),
        cmocka_unit_test(the_host_formats_only_an_image_that_the_guest_does_not),
        cmocka_unit_test(a_registration_is_made_where_nix_built_none),
        cmocka_unit_test(files_are_made_in_the_specifications_order),
        cmocka_unit_test(a_file_that_is_dropped_is_not_needed),
        cmocka_unit_test(the_temporary_directory_is_where_the_environment_says),
        cmocka_unit_test(a_kernel_is_unpacked_unless_that_might_not_boot),
        cmocka_unit_test(the_store_of_a_prefix_is_read_through_its_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
