/* SPDX-License-Identifier: MIT */
/* The devices of a plan: shares, firmware, and what the user's own options for QEMU replace.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/plan.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

/* The number of options `option`, each of whose arguments has the text. */
static size_t count_with(const struct planned *p, const char *option, const char *text)
{
    size_t n = 0;

    for (const char *argument; (argument = planned_argument(p, option, n)); n++)
        if (!strstr(argument, text))
            fail_msg("%s %s: has no %s", option, argument, text);
    return n;
}

static void every_9p_export_numbers_the_files_of_several_filesystems_anew(void **state)
{
    static const char *const configurations[] = {
        "{\"virtualisation\": {\"sharedDirectories\": {%s}}}",
        "{\"virtualisation\": {\"sharedDirectories\": {%s}}, \"runVm\": {\"initrd\": \"system\"}}",
    };
    struct strv shares CLEANUP_STRV = {0};
    char *list CLEANUP_FREE = NULL;

    (void)state;
    for (int i = 0; i < 20; i++)
        strv_pushf(&shares, "\"s%02d\": {\"source\": \"/s\", \"target\": \"/s%02d\"}", i, i);
    list = strv_join(&shares, ", ");
    for (size_t i = 0; i < ELEMENTS(configurations); i++) {
        struct planned p CLEANUP_PLANNED;
        struct strv parts CLEANUP_STRV = {0};
        char *json CLEANUP_FREE = NULL;

        strv_split(&parts, configurations[i], '%');
        json = xasprintf("%s%s%s", parts.items[0], list, parts.items[1] + 1);
        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        assert_int_equal(count_with(&p, "-virtfs", ",multidevs=remap") +
                             count_with(&p, "-fsdev", ",multidevs=remap"),
                         23);
        assert_true(count_with(&p, "-fsdev", "run-vm-fs") > 0);
    }
}

static void options_of_the_users_replace_ours(void **state)
{
    static const struct {
        const char *words;
        const char *gone; /* of ours, with its argument; NULL: nothing */
    } cases[] = {
        {"-enable-kvm", "-accel"},
        {"--enable-kvm", "-accel"},
        {"-machine accel=kvm", "-accel"},
        {"-M q35,accel=kvm:tcg", "-accel"},
        {"--machine type=q35,accel=tcg", "-accel"},
        {"-M pc", "-machine q35"},
        {"-machine type=pc", "-machine q35"},
        {"-machine q35", "-machine q35"},
        {"-cpu host,+vmx", "-cpu max"},
        {"-m 2G", "-m 1024"},
        {"-m size=2G,slots=2,maxmem=4G", "-m 1024"},
        {"-machine memory-backend=x", "-m 1024"},
        {"-smp 4", "-smp 1"},
        {"-smp cores=2,threads=2", "-smp 1"},
        {"-sandbox off", "-sandbox on"},
    };

    (void)state;
    for (size_t i = 0; i < 3 * ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        const char *gone = cases[i / 3].gone;
        char *text CLEANUP_FREE = NULL;
        struct strv ours CLEANUP_STRV = {0};

        planned_make_with(&p, (int)(i % 3), cases[i / 3].words, "");
        planned_expect_success(&p);
        for (size_t j = 0; j < p.plan.argv.count; j++) /* the user's come last */
            if (streq(p.plan.argv.items[j], "-usb"))
                break;
            else
                strv_push(&ours, p.plan.argv.items[j]);
        text = strv_join(&ours, " ");
        if (strstr(text, gone))
            fail_msg("%s: %s is still in: %s", cases[i / 3].words, gone, text);
        assert_null(p.plan.accel_reason && streq(gone, "-accel") ? "a reason" : NULL);
    }
}

static void options_of_the_users_that_say_something_else_leave_ours(void **state)
{
    static const struct {
        const char *words;
        const char *ours;
        const char *value;
    } cases[] = {
        {"-machine usb=off", "-machine", "q35"},
        {"-machine accel=tcg", "-machine", "q35"},
        {"-m slots=2,maxmem=4G", "-m", "1024"},
        {"-smp maxcpus=4", "-smp", "1"},
        {"-drive file=-enable-kvm", "-m", "1024"},
        {"-device -cpu -accel kvm", "-cpu", "max"},
        {"-name -m", "-m", "1024"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_make_with(&p, 1, cases[i].words, "");
        planned_expect_success(&p);
        assert_string_equal(planned_argument(&p, cases[i].ours, 0), cases[i].value);
        assert_int_equal(planned_count(&p, "-accel"), !strstr(cases[i].words, "accel="));
    }
}

static void with_the_systems_initrd_only_the_accelerator_is_left_out(void **state)
{
    const char *const environment[] = {"QEMU_OPTS=-m 2G -cpu host -smp 4 -enable-kvm", NULL};
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_new(&p, "{\"runVm\": {\"initrd\": \"system\"}}", environment);
    planned_expect_success(&p);
    assert_int_equal(planned_count(&p, "-m"), 2);
    assert_int_equal(planned_count(&p, "-cpu"), 2);
    assert_int_equal(planned_count(&p, "-smp"), 2);
    assert_int_equal(planned_count(&p, "-accel"), 0);
}

static void shared_memory_has_the_size_that_the_user_says(void **state)
{
    static const struct {
        const char *words;
        const char *size;
    } cases[] = {
        {"-m 2G", ",size=2147483648,"},
        {"-m 512", ",size=536870912,"},
        {"-m 1.5g", ",size=1610612736,"},
        {"-m size=512M,slots=2,maxmem=4G", ",size=536870912,"},
        {"-m 1000003B", ",size=1007616,"},
        {"-m 2G -m slots=3", ",size=2147483648,"},
        {"-m 2G -m 256", ",size=268435456,"},
        {"-m nonsense", ",size=1073741824,"},
        {"-m slots=3,maxmem=8G", ",size=1073741824,"},
        {"-object memory-backend-file,id=x,size=1G,share=on -machine memory-backend=x",
         ",id=x,size=1G"},
        {"-object memory-backend-ram,share=yes,id=x,size=1G -numa node,memdev=x", ",id=x,size=1G"},
        {"-object memory-backend-memfd,id=x,size=1G -M memory-backend=x", ",id=x,size=1G"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = NULL;

        planned_init(&p);
        json =
            xasprintf("{\"runVm\": {\"transport\": \"virtiofs\"}, \"virtualisation\": {\"qemu\": "
                      "{\"options\": [\"%s\"]}}}",
                      cases[i].words);
        planned_make(&p, json, planned_no_environment);
        if (p.config.problems.count)
            planned_expect_success(&p);
        assert_non_null(strstr(planned_argument(&p, "-object", 0), cases[i].size));
        assert_null(planned_argument(&p, "-object", 1));
    }
}

static void memory_that_no_server_can_map_is_refused(void **state)
{
    static const struct {
        const char *words;
        const char *transport;
        bool refused;
    } cases[] = {
        {"-object memory-backend-ram,id=x,size=1G -machine memory-backend=x", "virtiofs", true},
        {"-object memory-backend-memfd,id=x,size=1G,share=off -M memory-backend=x", "virtiofs",
         true},
        {"-object memory-backend-file,id=x,size=1G -numa node,memdev=x", "virtiofs", true},
        {"-object memory-backend-ram,id=x,size=1G -machine memory-backend=x", "9p", false},
        {"-object memory-backend-ram,id=y,size=1G", "virtiofs", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf("{\"runVm\": {\"transport\": \"%s\"}, "
                                            "\"virtualisation\": {\"qemu\": {\"options\": "
                                            "[\"%s\"]}}}",
                                            cases[i].transport, cases[i].words);

        planned_new(&p, json, planned_no_environment);
        if (cases[i].refused)
            planned_expect_problem(&p, "virtualisation.qemu.options", "share=on", NULL);
        else
            assert_int_equal(p.config.problems.count, 0);
    }
}

static void an_accelerator_that_contradicts_the_users_options_is_refused(void **state)
{
    static const struct {
        unsigned int choice;
        const char *words;
        bool refused;
    } cases[] = {
        {ACCEL_TCG, "-enable-kvm", true},
        {ACCEL_TCG, "-M q35,accel=kvm", true},
        {ACCEL_KVM, "-accel tcg,thread=multi", true},
        {ACCEL_KVM, "-machine accel=kvm:tcg", false},
        {ACCEL_TCG, "-accel accel=tcg", false},
        {ACCEL_KVM, "--enable-kvm", false},
        {ACCEL_AUTO, "-accel kvm", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *variable CLEANUP_FREE = xasprintf("QEMU_OPTS=%s", cases[i].words);
        const char *const environment[] = {variable, NULL};

        planned_init(&p);
        p.options.accel = cases[i].choice;
        planned_make(&p, "{}", environment);
        if (cases[i].refused)
            planned_expect_problem(&p, "--accel: is", cases[i].words, "expected one", NULL);
        else
            planned_expect_success(&p);
    }
}

static void a_machine_without_our_ports_is_given_none(void **state)
{
    static const struct {
        const char *words;
        const char *device;
    } cases[] = {
        {"-M q35,accel=tcg", "ide-hd,bus=ide.0,drive=drive1"},
        {"-M pc-q35-7.2", "ide-hd,bus=ide.0,drive=drive1"},
        {"-M pc", "ide-hd,drive=drive1"},
        {"-machine type=pc-i440fx-7.2", "ide-hd,drive=drive1"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf("{\"virtualisation\": {\"qemu\": {\"diskInterface\": "
                                            "\"ide\", \"options\": [\"%s\"]}}}",
                                            cases[i].words);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        assert_string_equal(planned_argument(&p, "-device", 1), cases[i].device);
    }
}

static void a_display_adapter_of_the_users_leaves_no_settings_of_ours(void **state)
{
    static const struct {
        const char *words;
        size_t settings;
        size_t adapters;
    } cases[] = {
        {"-snapshot", 2, 1},   {"-vga std", 2, 1},           {"-vga qxl", 0, 1},
        {"-vga none", 0, 1},   {"-device virtio-vga", 0, 0}, {"-device secondary-vga", 2, 1},
        {"-device VGA", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_make_with(&p, 0, cases[i].words, "\"resolution\": {\"x\": 800, \"y\": 600}, ");
        planned_expect_success(&p);
        assert_int_equal(planned_count(&p, "-global"), cases[i].settings);
        assert_int_equal(planned_count(&p, "-vga"), cases[i].adapters);
    }
}

static void only_a_machine_with_efi_needs_firmware(void **state)
{
    static const char *const platforms[] = {"i686-linux", "armv6l-linux", "powerpc64le-linux"};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(platforms); i++) {
        struct planned with CLEANUP_PLANNED;
        struct planned without CLEANUP_PLANNED;
        char *plain CLEANUP_FREE =
            xasprintf("{\"nixpkgs\": {\"hostPlatform\": \"%s\"}}", platforms[i]);
        char *efi CLEANUP_FREE =
            xasprintf("{\"nixpkgs\": {\"hostPlatform\": {\"system\": \"%s\"}}, \"virtualisation\": "
                      "{\"useEFIBoot\": true}}",
                      platforms[i]);

        planned_new(&without, plain, planned_no_environment);
        assert_int_equal(without.config.problems.count, i == 2); /* no QEMU for it in the package */
        planned_new(&with, efi, planned_no_environment);
        planned_expect_problem(&with, "virtualisation.efi.firmware: is not set", platforms[i],
                               NULL);
        planned_expect_problem(&with, "virtualisation.efi.variables: is not set", platforms[i],
                               NULL);
    }
}

static void a_platform_that_is_not_known_is_named_with_those_that_are(void **state)
{
    static const char *const platforms[] = {"sparc64-linux", "x86-64-linux", "x86_64-darwin",
                                            "linux"};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(platforms); i++) {
        struct planned p CLEANUP_PLANNED;
        char *name CLEANUP_FREE = xasprintf("\"%s\" (nixpkgs.hostPlatform)", platforms[i]);
        char *json CLEANUP_FREE =
            xasprintf("{\"nixpkgs\": {\"hostPlatform\": \"%s\"}}", platforms[i]);

        planned_new(&p, json, planned_no_environment);
        planned_expect_problem(&p, name, "x86_64-linux, i686-linux", "riscv64-linux", NULL);
        assert_int_equal(p.config.problems.count, 1);
    }
}

static void mountoptions_of_a_share_are_its_mounts(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_new(
        &p,
        "{\"virtualisation\": {\"sharedDirectories\": {\"a\": {\"source\": \"/s\", \"target\": "
        "\"/t\", \"options\": [\"uname=developer\", \"ro\"]}}}}",
        planned_no_environment);
    planned_expect_success(&p);
    assert_non_null(
        strstr(planned_argument(&p, "-append", 0), " vm.share=a:/t:uname=developer,ro "));
}

static void the_store_is_shared_read_only(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *argument;
    size_t found = 0;

    (void)state;
    planned_new(&p, "{}", planned_no_environment);
    planned_expect_success(&p);
    for (size_t n = 0; (argument = planned_argument(&p, "-virtfs", n)); n++)
        if (strstr(argument, "path=/nix/store,")) {
            assert_non_null(strstr(argument, ",readonly=on"));
            found++;
        }
    assert_int_equal(found, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mountoptions_of_a_share_are_its_mounts),
        cmocka_unit_test(the_store_is_shared_read_only),
        cmocka_unit_test(only_a_machine_with_efi_needs_firmware),
        cmocka_unit_test(a_platform_that_is_not_known_is_named_with_those_that_are),
        cmocka_unit_test(options_of_the_users_replace_ours),
        cmocka_unit_test(options_of_the_users_that_say_something_else_leave_ours),
        cmocka_unit_test(with_the_systems_initrd_only_the_accelerator_is_left_out),
        cmocka_unit_test(shared_memory_has_the_size_that_the_user_says),
        cmocka_unit_test(memory_that_no_server_can_map_is_refused),
        cmocka_unit_test(an_accelerator_that_contradicts_the_users_options_is_refused),
        cmocka_unit_test(a_machine_without_our_ports_is_given_none),
        cmocka_unit_test(a_display_adapter_of_the_users_leaves_no_settings_of_ours),
        cmocka_unit_test(every_9p_export_numbers_the_files_of_several_filesystems_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
