/* SPDX-License-Identifier: MIT */
#include "host/plan/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "common/params.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define VM(content)     "{\"virtualisation\": {" content "}}"
#define SYSTEM(content) "{\"runVm\": {\"initrd\": \"system\"}, \"virtualisation\": {" content "}}"

static const char *const no_environment[] = {NULL};

static void make(struct planned *p, const char *json, const char *const *environment)
{
    planned_init(p);
    planned_make(p, json, environment);
}

/* The guest's parameters as its init will read them. */
static void read_params(const struct planned *p, struct guest_params *params)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    struct error e CLEANUP_ERROR = {0};

    guest_params_init(params);
    cmdline_parse(&line, planned_argument(p, "-append", 0));
    for (size_t i = 0; i < p->plan.initrd.words.count; i++)
        cmdline_add(&line, p->plan.initrd.words.words[i].name, p->plan.initrd.words.words[i].value);
    if (guest_params_parse(params, &line, &e) < 0)
        fail_msg("%s", e.message);
}

static void the_guest_is_told_of_its_file_systems(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    make(&p,
         VM("\"msize\": 65536, \"fileSystems\": {\"/var\": {\"device\": \"/dev/disk/by-label/v\", "
            "\"fsType\": \"ext4\"}, \"/data\": {\"device\": \"/dev/vdc\"}}"),
         no_environment);
    planned_expect_success(&p);
    read_params(&p, &params);
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

        make(&p, cases[i].json, no_environment);
        planned_expect_success(&p);
        read_params(&p, &params);
        assert_int_equal(params.msize, cases[i].expected);
    }
}

static void the_store_is_where_the_options_say(void **state)
{
    static const struct {
        const char *json;
        int kind, overlay;
        const char *source;
    } cases[] = {
        {"\"writableStore\": false", STORE_9P, STORE_OVERLAY_NONE, "nix-store"},
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

        make(&p, json, no_environment);
        planned_expect_success(&p);
        read_params(&p, &params);
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
    make(&p,
         VM("\"fileSystems\": {\"/nix/.rw-store\": {\"options\": [\"size=1G\"]}, "
            "\"/nix/.ro-store\": {\"options\": [\"cache=none\"]}}"),
         no_environment);
    planned_expect_success(&p);
    read_params(&p, &params);
    assert_int_equal(params.mounts.count, 2);
    assert_string_equal(params.mounts.items[0].where, "/nix/.ro-store");
    assert_string_equal(params.mounts.items[0].what, "nix-store");
    assert_string_equal(params.mounts.items[0].options,
                        "cache=none,trans=virtio,version=9p2000.L,msize=16384,cache=loose");
    assert_string_equal(params.mounts.items[1].where, "/nix/.rw-store");
    assert_string_equal(params.mounts.items[1].options, "size=1G,mode=0755");
}

static void a_disk_or_none_is_the_root(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    make(&p, VM("\"diskImage\": null"), no_environment);
    planned_expect_success(&p);
    read_params(&p, &params);
    assert_string_equal(params.root, "tmpfs");
    assert_null(planned_argument(&p, "-drive", 0));
}

static void a_root_that_nobody_gives_is_missed(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    make(&p, VM("\"useDefaultFilesystems\": false"), no_environment);
    assert_int_equal(p.result, -EINVAL);
    planned_expect_problem(&p, "virtualisation.fileSystems", "root filesystem", NULL);
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
    make(&p, json, no_environment);
    planned_expect_success(&p);
    append = planned_argument(&p, "-append", 0);
    assert_true(strlen(append) < CMDLINE_SIZE);
    assert_non_null(strstr(append, " bootconfig"));
    assert_null(strstr(append, "vm."));
    read_params(&p, &params);
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
    planned_make(&p, "{}", no_environment);
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

        make(&p, json, no_environment);
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
    make(&p, "{\"boot\": {\"initrd\": {\"kernelModules\": [\"dm_mod\", \"loop\"]}}}",
         no_environment);
    planned_expect_success(&p);
    read_params(&p, &params);
    assert_int_equal(params.modules.count, 2);
    assert_true(strv_contains(&p.plan.initrd.modules, "dm_mod"));
}

static void with_the_systems_initrd_no_parameter_of_ours_is_passed(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *append;

    (void)state;
    make(&p, SYSTEM(""), no_environment);
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
    make(&p, "{\"nix\": {\"enable\": false}}", no_environment);
    planned_expect_success(&p);
    assert_null(strstr(planned_argument(&p, "-append", 0), "regInfo="));
}

static const struct plan_file *find_file(const struct planned *p, enum file_kind kind)
{
    for (size_t i = 0; i < p->plan.file_count; i++)
        if (p->plan.files[i].kind == kind)
            return &p->plan.files[i];
    return NULL;
}

static void a_registration_is_made_where_nix_built_none(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const struct plan_file *file;

    (void)state;
    make(&p,
         "{\"system\": {\"build\": {\"regInfo\": {\"_type\": \"override\", \"priority\": 50, "
         "\"content\": null}}}}",
         no_environment);
    planned_expect_success(&p);
    file = find_file(&p, FILE_REGISTRATION);
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
    make(&p,
         VM("\"useNixStoreImage\": true, \"writableStore\": false, \"useBootLoader\": true, "
            "\"useEFIBoot\": true, \"emptyDiskImages\": [5]"),
         no_environment);
    planned_expect_success(&p);
    assert_int_equal(p.plan.file_count, ELEMENTS(order));
    for (size_t i = 0; i < ELEMENTS(order); i++)
        assert_int_equal(p.plan.files[i].kind, order[i]);
    assert_int_equal(p.plan.files[0].bytes, 1024 * 1024 * UINT64_C(1024));
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
    make(&p, "{}", in_build);
    planned_expect_success(&p);
    assert_non_null(strstr(p.plan.cwd, "/build/nix-vm.0123456789"));
    assert_false(find_file(&p, FILE_TEMPORARY)->keep);
    make(&kept, "{}", keep);
    planned_expect_success(&kept);
    assert_int_equal(strncmp(kept.plan.cwd, kept.scratch, strlen(kept.scratch)), 0);
    assert_string_equal(kept.plan.cwd + strlen(kept.scratch), "/new");
    assert_true(find_file(&kept, FILE_TEMPORARY)->keep);
    make(&missing, "{}", nowhere);
    planned_expect_problem(&missing, "environment: TMPDIR", "/no/such", NULL);
}

static void commas_are_doubled_in_option_lists_only(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *const environment[] = {"NIX_DISK_IMAGE=a, b.qcow2", NULL};

    (void)state;
    make(&p,
         "{\"system\": {\"name\": \"m,n\"}, \"virtualisation\": {\"sharedDirectories\": {\"x,y\": "
         "{\"source\": \"/s, t\", \"target\": \"/x\"}}, \"qemu\": {\"drives\": [{\"file\": "
         "\"/d, e\", \"deviceExtraOpts\": {\"serial\": \"a,b\"}}]}}}",
         environment);
    planned_expect_success(&p);
    assert_string_equal(planned_argument(&p, "-name", 0), "m,,n");
    assert_string_equal(planned_argument(&p, "-virtfs", 2),
                        "local,path=/s,, t,security_model=none,mount_tag=x,,y,multidevs=remap");
    assert_non_null(strstr(planned_argument(&p, "-drive", 0), "/a,, b.qcow2,id=drive1"));
    assert_string_equal(planned_argument(&p, "-drive", 1), "file=/d,, e,id=drive2,if=none,index=2");
    assert_non_null(strstr(find_file(&p, FILE_DISK_IMAGE)->path, "/a, b.qcow2"));
}

static void problems_of_all_steps_are_reported_together(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *const environment[] = {"NIX_DISK_IMAGE=no/such/x", "TMPDIR=/no/such", NULL};

    (void)state;
    planned_init(&p);
    scratch_write(p.scratch, "f", "");
    planned_make(&p,
                 SYSTEM("\"forwardPorts\": [{\"from\": \"guest\", \"proto\": \"udp\", \"host\": "
                        "{\"port\": 1}, \"guest\": {\"port\": 1, \"address\": \"1.2.3.4\"}}], "
                        "\"useEFIBoot\": true, \"efiVars\": \"f/x\", \"qemu\": {\"options\": "
                        "[\"$(x)\", \"'\"], \"drives\": [{\"file\": \"`x`\"}]}"),
                 environment);
    assert_int_equal(p.result, -EINVAL);
    planned_expect_problem(&p, "environment: NIX_DISK_IMAGE", NULL);
    planned_expect_problem(&p, "environment: TMPDIR", NULL);
    planned_expect_problem(&p, "config.json: virtualisation.efiVars", "Not a directory", NULL);
    planned_expect_problem(&p, "virtualisation.forwardPorts.<entry 1>.proto", "TCP", NULL);
    planned_expect_problem(&p, "virtualisation.forwardPorts.<entry 1>.guest.address", "10.0.2",
                           NULL);
    planned_expect_problem(&p, "virtualisation.qemu.options", "$(x)", NULL);
    planned_expect_problem(&p, "virtualisation.qemu.drives", "`x`", NULL);
    assert_int_equal(p.config.problems.count, 8);
}

/* What the first file of a kind is made from. */
static const char *source_of(const struct planned *p, enum file_kind kind)
{
    for (size_t i = 0; i < p->plan.file_count; i++)
        if (p->plan.files[i].kind == kind)
            return p->plan.files[i].source;
    return "";
}

/* Firmware of the user's, and a system's own initrd, are given the kernel as it is. */
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

        make(&p, cases[i].options, no_environment);
        planned_expect_success(&p);
        assert_int_equal(*source_of(&p, FILE_KERNEL) != '\0', cases[i].unpacked);
    }
}

static void a_tree_without_nix_is_booted_from_a_kernel_and_a_directory(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;
    char *program CLEANUP_FREE = NULL;
    struct surroundings at = {.environment = (char *const *)(uintptr_t)no_environment,
                              .random = "0123456789"};

    (void)state;
    planned_init(&p);
    program = scratch_path(p.scratch, "build/run-vm");
    at.program = program;
    at.cwd = p.scratch;
    p.options.kernel = xstrdup("system/kernel");
    p.options.modules_dir = xstrdup("system/kernel-modules/lib/modules/6.1.0");
    p.options.root_dir = xstrdup("system");
    p.options.init = xstrdup("/sbin/my init");
    planned_configure(&p, VM("\"qemu\": {\"package\": \"@/qemu\"}, \"diskImage\": null"), true);
    p.result = plan_build(&p.plan, &p.config, &p.options, &at, &p.e);
    planned_expect_success(&p);
    read_params(&p, &params);
    assert_string_equal(params.root, "run-vm-root");
    assert_true(params.root_overlay);
    assert_string_equal(params.init, "/sbin/my init");
    assert_int_equal(params.store.kind, STORE_NONE);
    assert_null(params.reg_info);
    /* unpacked on the host, hence under another name */
    assert_non_null(strstr(planned_argument(&p, "-kernel", 0), "/kernel"));
    assert_non_null(strstr(source_of(&p, FILE_KERNEL), "/system/kernel"));
    assert_non_null(strstr(p.plan.initrd.modules_dir, "/lib/modules/6.1.0"));
    assert_non_null(strstr(planned_argument(&p, "-virtfs", 2),
                           "/system,security_model=none,"
                           "mount_tag=run-vm-root,readonly=on"));
    assert_true(strv_contains(&p.plan.initrd.modules, "overlay"));
}

static void what_the_command_line_names_must_be_there(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    p.options.kernel = xstrdup("none");
    p.options.modules_dir = xstrdup("system/kernel");
    p.options.root_dir = xstrdup("none/tree");
    p.options.guest_init = xstrdup("system");
    planned_make(&p, "{}", no_environment);
    assert_int_equal(p.config.problems.count, 4);
    planned_expect_problem(&p, "--kernel", "/none", "No such file", NULL);
    planned_expect_problem(&p, "--modules-dir", "no directory", NULL);
    planned_expect_problem(&p, "--root-dir", "No such file", NULL);
    planned_expect_problem(&p, "--guest-init", "is a directory", NULL);
}

static void settings_of_shares_are_for_shares_that_there_are(void **state)
{
    struct planned unknown CLEANUP_PLANNED;
    struct planned foreign CLEANUP_PLANNED;

    (void)state;
    make(&unknown, "{\"runVm\": {\"shares\": {\"x\": {}}}}", no_environment);
    planned_expect_problem(&unknown, "runVm.shares.x", "sharedDirectories", NULL);
    make(&foreign, "{\"runVm\": {\"initrd\": \"system\", \"transport\": \"virtiofs\"}}",
         no_environment);
    planned_expect_problem(&foreign, "runVm.transport", "9p", NULL);
}

static void nothing_to_boot_is_an_error(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct surroundings at = {.environment = (char *const *)(uintptr_t)no_environment,
                              .random = "0123456789",
                              .program = "/x/run-vm"};

    (void)state;
    planned_init(&p);
    at.cwd = p.scratch;
    planned_configure(&p, VM("\"qemu\": {\"package\": \"@/qemu\"}"), true);
    assert_int_equal(plan_build(&p.plan, &p.config, &p.options, &at, &p.e), -EINVAL);
    planned_expect_problem(&p, "system.build.toplevel", "--kernel", NULL);
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
        no_environment);
    planned_expect_success(&p);
    assert_non_null(strstr(planned_argument(&p, "-kernel", 0), "/p/nix/store/k"));
    assert_non_null(strstr(planned_argument(&p, "-initrd", 0), "/p/nix/store/s/initrd"));
    assert_non_null(strstr(planned_argument(&p, "-append", 0), "init=/nix/store/s/init"));
    assert_non_null(strstr(planned_argument(&p, "-virtfs", 0), "/p/nix/store,security_model"));
}

static void ide_drives_each_have_a_port(void **state)
{
    struct planned five CLEANUP_PLANNED;
    struct planned six CLEANUP_PLANNED;
    struct planned arm CLEANUP_PLANNED;

    (void)state;
    make(&five, VM("\"qemu\": {\"diskInterface\": \"ide\"}, \"emptyDiskImages\": [1, 1, 1, 1]"),
         no_environment);
    planned_expect_success(&five);
    assert_string_equal(planned_argument(&five, "-device", 1), "ide-hd,bus=ide.0,drive=drive1");
    assert_string_equal(planned_argument(&five, "-device", 3), "ide-hd,bus=ide.3,drive=drive3");
    make(&six, VM("\"qemu\": {\"diskInterface\": \"ide\"}, \"emptyDiskImages\": [1, 1, 1, 1, 1]"),
         no_environment);
    planned_expect_problem(&six, "virtualisation.qemu.drives", "at most 5", NULL);
    make(&arm,
         "{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"virtualisation\": {\"qemu\": "
         "{\"diskInterface\": \"ide\"}}}",
         no_environment);
    planned_expect_success(&arm);
    assert_string_equal(planned_argument(&arm, "-device", 1), "ahci,id=run-vm-ahci");
    assert_string_equal(planned_argument(&arm, "-device", 2),
                        "ide-hd,bus=run-vm-ahci.0,drive=drive1");
}

/* The -drive whose file is the store image. */
static const char *store_drive(const struct planned *p)
{
    const char *drive;

    for (size_t i = 0; (drive = planned_argument(p, "-drive", i)); i++)
        if (strstr(drive, "store.img"))
            return drive;
    fail_msg("no drive has the store image");
    return "";
}

static const struct plan_file *store_file(const struct planned *p)
{
    for (size_t i = 0; i < p->plan.file_count; i++)
        if (p->plan.files[i].kind == FILE_STORE_IMAGE)
            return &p->plan.files[i];
    fail_msg("no store image is made");
    return NULL;
}

static void no_drive_lets_the_guest_write_to_the_cached_store_image(void **state)
{
    static const char forced[] =
        "\"drives\": {\"_type\": \"override\", \"priority\": 50, \"content\": [{\"name\": "
        "\"nix-store\", \"file\": \"%s\", \"driveExtraOpts\": {\"readonly\": \"off\"}}]}";
    static const struct {
        const char *initrd;
        const char *interface;
        const char *file; /* of a drive instead of the built-in ones */
        const char *expected;
        bool copied;
    } cases[] = {
        {"builtin", "virtio", NULL, ",readonly=on", false},
        {"builtin", "scsi", NULL, ",readonly=on", false},
        {"builtin", "ide", NULL, ",snapshot=on", false},
        {"system", "virtio", NULL, ",readonly=on", false},
        {"system", "scsi", NULL, ",readonly=on", false},
        {"system", "ide", NULL, NULL, true},
        {"builtin", "virtio", "\\\"$TMPDIR\\\"/store.img", ",readonly=on", false},
        {"builtin", "virtio", "$TMPDIR//./store.img", ",readonly=on", false},
        {"builtin", "virtio", "./store.img", ",readonly=on", false},
        {"builtin", "scsi", "store.img", ",readonly=on", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *drives CLEANUP_FREE =
            cases[i].file ? xasprintf(forced, cases[i].file) : xstrdup("\"virtioKeyboard\": true");
        char *json CLEANUP_FREE =
            xasprintf("{\"runVm\": {\"initrd\": \"%s\"}, \"virtualisation\": {\"diskImage\": null, "
                      "\"useNixStoreImage\": true, \"qemu\": {\"diskInterface\": \"%s\", %s}}}",
                      cases[i].initrd, cases[i].interface, drives);

        make(&p, json, no_environment);
        planned_expect_success(&p);
        const char *drive = store_drive(&p);

        if (cases[i].expected && !strstr(drive, cases[i].expected))
            fail_msg("case %zu: %s lacks %s", i, drive, cases[i].expected);
        if (!cases[i].expected && (strstr(drive, "readonly") || strstr(drive, "snapshot")))
            fail_msg("case %zu: %s", i, drive);
        assert_int_equal(store_file(&p)->writable, cases[i].copied);
    }
}

static void a_share_on_virtiofs_has_a_server_and_memory_it_can_map(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    make(&p,
         "{\"runVm\": {\"transport\": \"virtiofs\", \"shares\": {\"xchg\": {\"transport\": "
         "\"9p\"}}}}",
         no_environment);
    /* where the plan fails, it is for want of virtiofsd: the rest has been made all the same */
    assert_int_equal(p.config.problems.count, 0);
    assert_non_null(strstr(planned_argument(&p, "-object", 0), "share=on"));
    assert_non_null(strstr(planned_argument(&p, "-virtfs", 0), "mount_tag=xchg"));
    assert_null(planned_argument(&p, "-virtfs", 1));
    assert_int_equal(p.plan.server_count, 2);
    assert_true(p.plan.servers[0].read_only);
    assert_string_equal(p.plan.servers[0].source, "/nix/store");
    assert_false(p.plan.servers[1].read_only);
    read_params(&p, &params);
    assert_int_equal(params.store.kind, STORE_VIRTIOFS);
    assert_int_equal(params.shares.items[0].transport, SHARE_VIRTIOFS);
    assert_int_equal(params.shares.items[1].transport, SHARE_9P);
    assert_true(strv_contains(&p.plan.initrd.modules, "virtiofs"));
}

static void virtual_networks_are_cards_on_their_switches(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *const environment[] = {"QEMU_VDE_SOCKET_2=/s 2", "QEMU_VDE_SOCKET_171=x", NULL};

    (void)state;
    make(&p, VM("\"vlans\": [1, 2, 171], \"test\": {\"nodeNumber\": 12}"), environment);
    planned_expect_success(&p);
    assert_string_equal(planned_argument(&p, "-netdev", 1), "vde,id=vlan2,sock=/s 2");
    assert_non_null(strstr(planned_argument(&p, "-netdev", 2), "vde,id=vlan3,sock=/"));
    assert_string_equal(planned_argument(&p, "-device", 1),
                        "virtio-net-pci,netdev=vlan2,mac=52:54:00:12:02:0C");
    assert_string_equal(planned_argument(&p, "-device", 2),
                        "virtio-net-pci,netdev=vlan3,mac=52:54:00:12:AB:0C");
    assert_null(planned_argument(&p, "-netdev", 3));
}

static void commas_of_variables_are_not_those_of_a_list(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *const environment[] = {"WHERE=a,b", NULL};

    (void)state;
    make(&p,
         VM("\"forwardPorts\": [{\"host\": {\"address\": \"${WHERE}\", \"port\": 1}, \"guest\": "
            "{\"address\": \"${NO-$WHERE}\", \"port\": 2}}], \"qemu\": {\"drives\": [{\"file\": "
            "\"$WHERE\", \"driveExtraOpts\": {\"format\": \"raw,x=$WHERE\"}}]}"),
         environment);
    planned_expect_success(&p);
    assert_non_null(strstr(planned_argument(&p, "-netdev", 0), "hostfwd=tcp:a,,b:1-a,,b:2,"));
    assert_non_null(strstr(planned_argument(&p, "-drive", 1), "a,,b,format=raw,x=a,,b,"));
}

static void an_open_port_on_every_interface_is_warned_about(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    make(&p,
         VM("\"forwardPorts\": [{\"host\": {\"port\": 1}, \"guest\": {\"port\": 1}}, {\"host\": "
            "{\"port\": 2, \"address\": \"127.0.0.1\"}, \"guest\": {\"port\": 2}}]"),
         no_environment);
    planned_expect_success(&p);
    assert_int_equal(p.plan.warnings.count, 1);
    assert_non_null(strstr(p.plan.warnings.items[0], "<entry 1>.host.address"));
}

static void an_agent_that_is_asked_for_gets_its_channel(void **state)
{
    struct planned asked CLEANUP_PLANNED;
    struct planned unasked CLEANUP_PLANNED;

    (void)state;
    make(&asked, VM("\"qemu\": {\"guestAgent\": {\"enable\": true}}"), no_environment);
    bool found = false;
    for (size_t i = 0; planned_argument(&asked, "-chardev", i); i++)
        found = found || strstr(planned_argument(&asked, "-chardev", i), "path=qga.sock");
    assert_true(found);
    make(&unasked, "{}", no_environment);
    const char *value = NULL;
    for (size_t i = 0; (value = planned_argument(&unasked, "-chardev", i)); i++)
        assert_null(strstr(value, "qga.sock"));
}

static void a_resolution_that_is_asked_for_is_the_displays(void **state)
{
    struct planned asked CLEANUP_PLANNED;
    struct planned unasked CLEANUP_PLANNED;

    (void)state;
    make(&asked, VM("\"resolution\": {\"x\": 800, \"y\": 600}"), no_environment);
    assert_string_equal(planned_argument(&asked, "-global", 0), "VGA.xres=800");
    assert_string_equal(planned_argument(&asked, "-global", 1), "VGA.yres=600");
    make(&unasked, "{}", no_environment);
    assert_null(planned_argument(&unasked, "-global", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guest_is_told_of_its_file_systems),
        cmocka_unit_test(a_message_size_is_said_only_where_the_user_has_set_it),
        cmocka_unit_test(the_store_is_where_the_options_say),
        cmocka_unit_test(options_of_the_store_that_differ_are_a_mount),
        cmocka_unit_test(a_disk_or_none_is_the_root),
        cmocka_unit_test(a_root_that_nobody_gives_is_missed),
        cmocka_unit_test(long_parameters_travel_in_the_initrd),
        cmocka_unit_test(parameters_that_fit_nowhere_are_refused),
        cmocka_unit_test(the_initrd_has_the_modules_that_the_devices_need),
        cmocka_unit_test(modules_to_be_loaded_are_told_to_the_guest),
        cmocka_unit_test(with_the_systems_initrd_no_parameter_of_ours_is_passed),
        cmocka_unit_test(without_nix_in_the_guest_nothing_is_registered),
        cmocka_unit_test(a_registration_is_made_where_nix_built_none),
        cmocka_unit_test(files_are_made_in_the_specifications_order),
        cmocka_unit_test(the_temporary_directory_is_where_the_environment_says),
        cmocka_unit_test(commas_are_doubled_in_option_lists_only),
        cmocka_unit_test(problems_of_all_steps_are_reported_together),
        cmocka_unit_test(a_tree_without_nix_is_booted_from_a_kernel_and_a_directory),
        cmocka_unit_test(a_kernel_is_unpacked_unless_that_might_not_boot),
        cmocka_unit_test(what_the_command_line_names_must_be_there),
        cmocka_unit_test(settings_of_shares_are_for_shares_that_there_are),
        cmocka_unit_test(nothing_to_boot_is_an_error),
        cmocka_unit_test(the_store_of_a_prefix_is_read_through_its_links),
        cmocka_unit_test(ide_drives_each_have_a_port),
        cmocka_unit_test(no_drive_lets_the_guest_write_to_the_cached_store_image),
        cmocka_unit_test(a_share_on_virtiofs_has_a_server_and_memory_it_can_map),
        cmocka_unit_test(virtual_networks_are_cards_on_their_switches),
        cmocka_unit_test(commas_of_variables_are_not_those_of_a_list),
        cmocka_unit_test(an_open_port_on_every_interface_is_warned_about),
        cmocka_unit_test(an_agent_that_is_asked_for_gets_its_channel),
        cmocka_unit_test(a_resolution_that_is_asked_for_is_the_displays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
