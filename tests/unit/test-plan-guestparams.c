/* SPDX-License-Identifier: MIT */
/* The guest's parameters, and the modules of its initrd. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "common/params.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static void the_guest_is_told_of_its_file_systems(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(
        &p,
        VM("\"msize\": 65536, \"fileSystems\": {\"/var\": {\"device\": \"/dev/disk/by-label/v\", "
           "\"fsType\": \"ext4\"}, \"/data\": {\"device\": \"/dev/vdc\"}}"),
        planned_no_environment);
    planned_expect_success(&p);
    planned_read_params(&p, &params);
    assert_string_equal(params.root, "/dev/vda");
    assert_string_equal(params.rootfstype, "ext4");
    assert_string_equal(params.rootflags, "x-systemd.makefs");
    assert_int_equal(params.msize, 65536);
    assert_int_equal(params.store.kind, STORE_9P);
    assert_string_equal(params.store.source, "nix-store");
    assert_int_equal(params.store_overlay, STORE_OVERLAY_TMPFS);
    assert_int_equal(params.shares.count, 2);
    assert_string_equal(params.shares.items[0].tag, "shared");
    assert_string_equal(params.shares.items[1].where, "/tmp/xchg");
    assert_null(params.shares.items[1].options);
    /* /var is always needed; /data is stage 2's */
    assert_int_equal(params.mounts.count, 1);
    assert_string_equal(params.mounts.items[0].what, "LABEL=v");
    assert_string_equal(params.mounts.items[0].where, "/var");
    assert_non_null(strstr(params.reg_info, "/closure/registration"));
    assert_non_null(strstr(params.init, "/system/init"));
    assert_string_equal(params.consoles.items[1], "tty0");
}

static void the_guest_is_told_which_blank_disk_gets_the_label_of_the_root(void **state)
{
#define FORCED(content)                                                                            \
    "\"drives\": {\"_type\": \"override\", \"priority\": 50, \"content\": [" content "]}"
#define ROOT(serial)                                                                               \
    "{\"name\": \"root\", \"file\": \"$NIX_DISK_IMAGE\", \"deviceExtraOpts\": {\"serial\": "       \
    "\"" serial "\"}}"
    static const struct {
        const char *interface;
        const char *qemu;
        const char *disk; /* NULL: init is not told */
    } cases[] = {
        {"virtio", "\"options\": []", "/dev/vda"},
        {"scsi", "\"options\": []", "/dev/sda"},
        {"virtio", FORCED("{\"file\": \"/dev/null\"}, " ROOT("")), "/dev/vdb"},
        {"virtio", FORCED(ROOT("boot7")), "/dev/disk/by-id/virtio-boot7"},
        {"virtio", FORCED(ROOT("a-part1")), "/dev/vda"},
        {"scsi", FORCED(ROOT("boot7")), "/dev/sda"},
        {"virtio", FORCED("{\"file\": \"/dev/null\"}"), NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;
        char *json CLEANUP_FREE =
            xasprintf(VM("\"rootDevice\": \"/dev/disk/by-label/nixos\", \"qemu\": "
                         "{\"diskInterface\": \"%s\", %s}"),
                      cases[i].interface, cases[i].qemu);
        char *flags CLEANUP_FREE =
            xasprintf("x-systemd.makefs%s%s", cases[i].disk ? ",x-run-vm.disk=" : "",
                      cases[i].disk ? cases[i].disk : "");

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        assert_string_equal(params.root, "LABEL=nixos");
        assert_string_equal(params.rootflags, flags);
        assert_int_equal(p.plan.blank_count, cases[i].disk != NULL);
    }
}

/* The user's root= comes last: the disk must not become that one. */
static void a_root_in_the_users_parameters_has_no_disk_to_label(void **state)
{
    static const struct {
        const char *variable;
        const char *append;
        const char *root;
        bool disk;
    } cases[] = {
        {"QEMU_KERNEL_PARAMS=quiet", "debug", "LABEL=nixos", true},
        {"QEMU_KERNEL_PARAMS=root=/dev/vdb", NULL, "/dev/vdb", false},
        {"QEMU_KERNEL_PARAMS=quiet", "root=LABEL=other", "LABEL=other", false},
        {"QEMU_KERNEL_PARAMS=root=tmpfs", "root=LABEL=nixos", "LABEL=nixos", true},
        {"QEMU_KERNEL_PARAMS=root=/dev/disk/by-label/nixos", NULL, "/dev/disk/by-label/nixos",
         true},
        {"QEMU_KERNEL_PARAMS=\"root=UUID=1\"", NULL, "UUID=1", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;
        const char *environment[] = {cases[i].variable, NULL};

        planned_init(&p);
        if (cases[i].append)
            strv_push(&p.options.append, cases[i].append);
        planned_make(&p,
                     "{\"runVm\": {\"release\": \"26.11\"}, \"virtualisation\": "
                     "{\"sharedDirectories\": {\"_type\": \"override\", \"priority\": 50, "
                     "\"content\": {}}}}",
                     environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        assert_string_equal(params.root, cases[i].root);
        assert_string_equal(params.rootflags,
                            cases[i].disk
                                ? "x-systemd.makefs,x-run-vm.disk=/dev/disk/by-id/virtio-root"
                                : "x-systemd.makefs");
    }
}

static void a_message_size_is_said_only_where_the_user_has_set_it(void **state)
{
    static const struct {
        const char *json;
        uint64_t expected;
    } cases[] = {
        {VM(""), 0},
        {VM("\"msize\": 16384"), 16384},
        {VM("\"msize\": {\"_type\": \"override\", \"priority\": 1000, \"content\": 65536}"), 65536},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;

        planned_new(&p, cases[i].json, planned_no_environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        assert_int_equal(params.msize, cases[i].expected);
    }
}

static void another_protocol_version_of_a_share_reaches_the_guest(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(&p,
                VM("\"sharedDirectories\": {\"data\": {\"source\": \"/tmp\", \"target\": \"/data\","
                   "\"options\": [\"version=9p2000.u\"]}}"),
                planned_no_environment);
    planned_expect_success(&p);
    planned_read_params(&p, &params);
    assert_string_equal(params.shares.items[0].tag, "data");
    assert_string_equal(params.shares.items[0].options, "version=9p2000.u");
}

static void the_store_is_where_the_options_say(void **state)
{
    static const struct {
        const char *json;
        int kind, overlay;
        const char *source;
    } cases[] = {
        {"\"writableStore\": false", STORE_9P, STORE_OVERLAY_NONE, "nix-store"},
        {"\"writableStore\": false}, \"runVm\": {\"release\": \"24.05\"", STORE_9P,
         STORE_OVERLAY_BIND, "nix-store"},
        {"\"writableStore\": true}, \"runVm\": {\"release\": \"24.05\"", STORE_9P,
         STORE_OVERLAY_TMPFS, "nix-store"},
        {"\"useNixStoreImage\": true}, \"runVm\": {\"release\": \"23.05\"", STORE_EROFS,
         STORE_OVERLAY_NONE, "/dev/vdb"},
        {"\"writableStoreUseTmpfs\": false", STORE_9P, STORE_OVERLAY_ROOT, "nix-store"},
        {"\"useNixStoreImage\": true", STORE_EROFS, STORE_OVERLAY_TMPFS, "/dev/vdb"},
        {"\"useNixStoreImage\": true, \"writableStore\": false, \"diskImage\": null", STORE_EROFS,
         STORE_OVERLAY_NONE, "/dev/vda"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;
        char *json CLEANUP_FREE = xasprintf("{\"virtualisation\": {%s}}", cases[i].json);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        assert_int_equal(params.store.kind, cases[i].kind);
        assert_int_equal(params.store_overlay, cases[i].overlay);
        assert_string_equal(params.store.source, cases[i].source);
        assert_int_equal(params.mounts.count, 0);
    }
}

/* init mounts the store and its layer with options of its own; others must be said. */
static void options_of_the_store_that_differ_are_a_mount(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(&p,
                VM("\"fileSystems\": {\"/nix/.rw-store\": {\"options\": [\"size=1G\"]}, "
                   "\"/nix/.ro-store\": {\"options\": [\"cache=none\"]}}"),
                planned_no_environment);
    planned_expect_success(&p);
    planned_read_params(&p, &params);
    assert_int_equal(params.mounts.count, 2);
    assert_string_equal(params.mounts.items[0].where, "/nix/.ro-store");
    assert_string_equal(params.mounts.items[0].what, "nix-store");
    assert_string_equal(params.mounts.items[0].options,
                        "cache=none,trans=virtio,version=9p2000.L,msize=16384,cache=loose");
    assert_string_equal(params.mounts.items[1].where, "/nix/.rw-store");
    assert_string_equal(params.mounts.items[1].options, "size=1G,mode=0755");
}

/* The size of messages is the store's own, as without the option. */
static void another_cache_of_the_store_is_a_share(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(&p, VM("\"nixStore9pCache\": \"none\""), planned_no_environment);
    planned_expect_success(&p);
    planned_read_params(&p, &params);
    assert_int_equal(params.mounts.count, 0);
    assert_string_equal(params.shares.items[0].tag, "nix-store");
    assert_string_equal(params.shares.items[0].where, "/nix/.ro-store");
    assert_string_equal(params.shares.items[0].options, "ro,msize=131072,cache=none");
}

static void a_disk_or_none_is_the_root(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(&p, VM("\"diskImage\": null"), planned_no_environment);
    planned_expect_success(&p);
    planned_read_params(&p, &params);
    assert_string_equal(params.root, "tmpfs");
    assert_null(planned_argument(&p, "-drive", 0));
}

static void a_root_that_nobody_gives_is_missed(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_new(&p, VM("\"useDefaultFilesystems\": false"), planned_no_environment);
    assert_int_equal(p.result, -EINVAL);
    planned_expect_problem(&p, "virtualisation.fileSystems", "root filesystem", NULL);
}

static void without_filesystems_of_the_machine_the_configuration_has_the_root(void **state)
{
    static const char none[] = "\"virtualisation\": {\"fileSystems\": {\"_type\": \"override\", "
                               "\"priority\": 50, \"content\": {}}}";
    static const struct {
        const char *own;
        const char *problem;
    } cases[] = {
        {"{}", "is an empty set, so that fileSystems counts, which is empty too"},
        {"{\"/a\": {\"device\": \"/dev/vda\"}}", "which has no \"/\""},
        {"{\"/\": {\"fsType\": \"ext4\"}}", ": fileSystems.\"/\".device: is not set"},
        {"{\"/\": {\"device\": \"/dev/vda\", \"neededForBot\": true}}", "neededForBoot"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf("{\"fileSystems\": %s, %s}", cases[i].own, none);

        planned_new(&p, json, planned_no_environment);
        planned_expect_problem(&p, cases[i].problem, NULL);
    }
}

static void only_the_systems_initrd_has_directories_to_overlay(void **state)
{
    static const char filesystem[] =
        "\"fileSystems\": {\"/m\": {\"neededForBoot\": true, \"overlay\": {\"lowerdir\": "
        "[\"/a\", \"/b\"], \"useStage1BaseDirectories\": false}}}";
    struct planned own CLEANUP_PLANNED;
    struct planned system CLEANUP_PLANNED;
    char *ours CLEANUP_FREE = xasprintf(VM("%s"), filesystem);
    char *theirs CLEANUP_FREE = xasprintf(SYSTEM("%s"), filesystem);

    (void)state;
    planned_new(&own, ours, planned_no_environment);
    planned_expect_problem(&own, "overlay.useStage1BaseDirectories", "expected true", NULL);
    planned_new(&system, theirs, planned_no_environment);
    planned_expect_success(&system);
}

/* Many shares do not fit the command line of an x86 kernel. */
static void long_parameters_travel_in_the_initrd(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;
    struct strv shares CLEANUP_STRV = {0};
    char *list CLEANUP_FREE = NULL;
    char *json CLEANUP_FREE = NULL;
    const char *append;

    (void)state;
    for (int i = 0; i < 50; i++)
        strv_pushf(&shares,
                   "\"share%d\": {\"source\": \"/x\", \"target\": "
                   "\"/a/rather/long/mount/point/%d, with a comma\"}",
                   i, i);
    list = strv_join(&shares, ", ");
    json = xasprintf("{\"virtualisation\": {\"sharedDirectories\": {%s}}}", list);
    planned_new(&p, json, planned_no_environment);
    planned_expect_success(&p);
    append = planned_argument(&p, "-append", 0);
    assert_true(strlen(append) < CMDLINE_SIZE);
    assert_non_null(strstr(append, " bootconfig"));
    assert_null(strstr(append, "vm."));
    planned_read_params(&p, &params);
    assert_int_equal(params.shares.count, 52);
    assert_string_equal(params.shares.items[0].where, "/a/rather/long/mount/point/0, with a comma");
}

static void parameters_that_fit_nowhere_are_refused(void **state)
{
    struct planned p CLEANUP_PLANNED;
    char *text CLEANUP_FREE = xcalloc(3001, 1);

    (void)state;
    memset(text, 'x', 3000);
    planned_init(&p);
    strv_push(&p.options.append, text);
    planned_make(&p, "{}", planned_no_environment);
    assert_int_equal(p.result, -EINVAL);
    planned_expect_problem(&p, "kernel parameters", "2048", NULL);
}

static void the_initrd_has_the_modules_that_the_devices_need(void **state)
{
    static const struct {
        const char *json;
        const char *has;
        const char *lacks;
    } cases[] = {
        {"", "virtio_blk", "ahci"},
        {"", "9pnet_virtio", "erofs"},
        {"", "ext4", "btrfs"},
        {"\"qemu\": {\"diskInterface\": \"scsi\"}", "sym53c8xx", "virtio_blk"},
        {"\"qemu\": {\"diskInterface\": \"ide\"}", "ahci", "virtio_blk"},
        {"\"diskImage\": null", "overlay", "virtio_blk"},
        {"\"useNixStoreImage\": true", "erofs", "sd_mod"},
        {"\"writableStore\": false", "9p", "overlay"},
        {"\"fileSystems\": {\"/var\": {\"device\": \"/dev/vdb\", \"fsType\": \"btrfs\"}}", "btrfs",
         "xfs"},
        {"\"fileSystems\": {\"/srv\": {\"device\": \"/dev/vdb\", \"fsType\": \"xfs\"}}", "ext4",
         "xfs"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf("{\"virtualisation\": {%s}}", cases[i].json);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        assert_true(strv_contains(&p.plan.initrd.modules, cases[i].has));
        assert_false(strv_contains(&p.plan.initrd.modules, cases[i].lacks));
        assert_non_null(strstr(p.plan.initrd.modules_dir, "lib/modules/6.1.0"));
        assert_non_null(strstr(p.plan.initrd.init, "/build/init"));
    }
}

static void modules_to_be_loaded_are_told_to_the_guest(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(&p, "{\"boot\": {\"initrd\": {\"kernelModules\": [\"dm_mod\", \"loop\"]}}}",
                planned_no_environment);
    planned_expect_success(&p);
    planned_read_params(&p, &params);
    assert_int_equal(params.modules.count, 2);
    assert_true(strv_contains(&p.plan.initrd.modules, "dm_mod"));
}

static void with_the_systems_initrd_no_parameter_of_ours_is_passed(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *append;

    (void)state;
    planned_new(&p, SYSTEM(""), planned_no_environment);
    planned_expect_success(&p);
    append = planned_argument(&p, "-append", 0);
    assert_null(strstr(append, "vm."));
    assert_null(strstr(append, "root="));
    assert_non_null(strstr(planned_argument(&p, "-initrd", 0), "/system/initrd"));
    assert_int_equal(strncmp(append, "loglevel=4 init=", 16), 0);
}

static void without_nix_in_the_guest_nothing_is_registered(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_new(&p, "{\"nix\": {\"enable\": false}}", planned_no_environment);
    planned_expect_success(&p);
    assert_null(strstr(planned_argument(&p, "-append", 0), "regInfo="));
}

static void nobody_answers_the_prompt_of_a_machine_in_the_background(void **state)
{
    (void)state;
    for (int detach = 0; detach < 2; detach++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;

        planned_init(&p);
        p.input = INPUT_TERMINAL;
        p.options.detach = detach;
        planned_make(&p, VM("\"graphics\": false"), planned_no_environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        assert_int_equal(params.on_fail, detach ? ON_FAIL_POWEROFF : ON_FAIL_PROMPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guest_is_told_of_its_file_systems),
        cmocka_unit_test(the_guest_is_told_which_blank_disk_gets_the_label_of_the_root),
        cmocka_unit_test(a_root_in_the_users_parameters_has_no_disk_to_label),
        cmocka_unit_test(a_message_size_is_said_only_where_the_user_has_set_it),
        cmocka_unit_test(another_protocol_version_of_a_share_reaches_the_guest),
        cmocka_unit_test(the_store_is_where_the_options_say),
        cmocka_unit_test(options_of_the_store_that_differ_are_a_mount),
        cmocka_unit_test(another_cache_of_the_store_is_a_share),
        cmocka_unit_test(a_disk_or_none_is_the_root),
        cmocka_unit_test(a_root_that_nobody_gives_is_missed),
        cmocka_unit_test(without_filesystems_of_the_machine_the_configuration_has_the_root),
        cmocka_unit_test(only_the_systems_initrd_has_directories_to_overlay),
        cmocka_unit_test(long_parameters_travel_in_the_initrd),
        cmocka_unit_test(parameters_that_fit_nowhere_are_refused),
        cmocka_unit_test(the_initrd_has_the_modules_that_the_devices_need),
        cmocka_unit_test(modules_to_be_loaded_are_told_to_the_guest),
        cmocka_unit_test(with_the_systems_initrd_no_parameter_of_ours_is_passed),
        cmocka_unit_test(without_nix_in_the_guest_nothing_is_registered),
        cmocka_unit_test(nobody_answers_the_prompt_of_a_machine_in_the_background),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
