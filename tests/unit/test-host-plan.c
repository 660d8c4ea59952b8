/* SPDX-License-Identifier: MIT */
/* Plans of whole configurations. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "common/params.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void commas_are_doubled_in_option_lists_only(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *const environment[] = {"NIX_DISK_IMAGE=a, b.qcow2", NULL};

    (void)state;
    planned_new(
        &p,
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
    assert_non_null(strstr(planned_find_file(&p, FILE_DISK_IMAGE)->path, "/a, b.qcow2"));
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

static void a_tree_without_nix_is_booted_from_a_kernel_and_a_directory(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;
    char *program CLEANUP_FREE = NULL;
    struct surroundings at = {.environment = (char *const *)(uintptr_t)planned_no_environment,
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
    planned_read_params(&p, &params);
    assert_string_equal(params.root, "run-vm-root");
    assert_true(params.root_overlay);
    assert_string_equal(params.init, "/sbin/my init");
    assert_int_equal(params.store.kind, STORE_NONE);
    assert_null(params.reg_info);
    /* unpacked on the host, hence under another name */
    assert_non_null(strstr(planned_argument(&p, "-kernel", 0), "/kernel"));
    assert_non_null(strstr(planned_find_file(&p, FILE_KERNEL)->source, "/system/kernel"));
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
    planned_make(&p, "{}", planned_no_environment);
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
    planned_new(&unknown, "{\"runVm\": {\"shares\": {\"x\": {}}}}", planned_no_environment);
    planned_expect_problem(&unknown, "runVm.shares.x", "sharedDirectories", NULL);
    planned_new(&foreign, "{\"runVm\": {\"initrd\": \"system\", \"transport\": \"virtiofs\"}}",
                planned_no_environment);
    planned_expect_problem(&foreign, "runVm.transport", "9p", NULL);
}

static void nothing_to_boot_is_an_error(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct surroundings at = {.environment = (char *const *)(uintptr_t)planned_no_environment,
                              .random = "0123456789",
                              .program = "/x/run-vm"};

    (void)state;
    planned_init(&p);
    at.cwd = p.scratch;
    planned_configure(&p, VM("\"qemu\": {\"package\": \"@/qemu\"}"), true);
    assert_int_equal(plan_build(&p.plan, &p.config, &p.options, &at, &p.e), -EINVAL);
    planned_expect_problem(&p, "system.build.toplevel", "--kernel", NULL);
}

static void a_share_on_virtiofs_has_a_server_and_memory_it_can_map(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct guest_params params CLEANUP_GUEST_PARAMS;

    (void)state;
    planned_new(&p,
                "{\"runVm\": {\"transport\": \"virtiofs\", \"shares\": {\"xchg\": {\"transport\": "
                "\"9p\"}}}}",
                planned_no_environment);
    /* where the plan fails, it is for want of virtiofsd: the rest has been made all the same */
    assert_int_equal(p.config.problems.count, 0);
    assert_non_null(strstr(planned_argument(&p, "-object", 0), "share=on"));
    assert_non_null(strstr(planned_argument(&p, "-virtfs", 0), "mount_tag=xchg"));
    assert_null(planned_argument(&p, "-virtfs", 1));
    assert_int_equal(p.plan.server_count, 2);
    assert_true(p.plan.servers[0].read_only);
    assert_string_equal(p.plan.servers[0].source, "/nix/store");
    assert_false(p.plan.servers[1].read_only);
    planned_read_params(&p, &params);
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
    planned_new(&p, VM("\"vlans\": [1, 2, 171], \"test\": {\"nodeNumber\": 12}"), environment);
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
    planned_new(
        &p,
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
    planned_new(
        &p,
        VM("\"forwardPorts\": [{\"host\": {\"port\": 1}, \"guest\": {\"port\": 1}}, {\"host\": "
           "{\"port\": 2, \"address\": \"127.0.0.1\"}, \"guest\": {\"port\": 2}}]"),
        planned_no_environment);
    planned_expect_success(&p);
    assert_int_equal(p.plan.warnings.count, 1);
    assert_non_null(strstr(p.plan.warnings.items[0], "<entry 1>.host.address"));
}

static void an_agent_that_is_asked_for_gets_its_channel(void **state)
{
    struct planned asked CLEANUP_PLANNED;
    struct planned unasked CLEANUP_PLANNED;

    (void)state;
    planned_new(&asked, VM("\"qemu\": {\"guestAgent\": {\"enable\": true}}"),
                planned_no_environment);
    bool found = false;
    for (size_t i = 0; planned_argument(&asked, "-chardev", i); i++)
        found = found || strstr(planned_argument(&asked, "-chardev", i), "path=qga.sock");
    assert_true(found);
    planned_new(&unasked, "{}", planned_no_environment);
    const char *value = NULL;
    for (size_t i = 0; (value = planned_argument(&unasked, "-chardev", i)); i++)
        assert_null(strstr(value, "qga.sock"));
}

static void a_resolution_that_is_asked_for_is_the_displays(void **state)
{
    struct planned asked CLEANUP_PLANNED;
    struct planned unasked CLEANUP_PLANNED;

    (void)state;
    planned_new(&asked, VM("\"resolution\": {\"x\": 800, \"y\": 600}"), planned_no_environment);
    assert_string_equal(planned_argument(&asked, "-global", 0), "VGA.xres=800");
    assert_string_equal(planned_argument(&asked, "-global", 1), "VGA.yres=600");
    planned_new(&unasked, "{}", planned_no_environment);
    assert_null(planned_argument(&unasked, "-global", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_are_doubled_in_option_lists_only),
        cmocka_unit_test(problems_of_all_steps_are_reported_together),
        cmocka_unit_test(a_tree_without_nix_is_booted_from_a_kernel_and_a_directory),
        cmocka_unit_test(what_the_command_line_names_must_be_there),
        cmocka_unit_test(settings_of_shares_are_for_shares_that_there_are),
        cmocka_unit_test(nothing_to_boot_is_an_error),
        cmocka_unit_test(a_share_on_virtiofs_has_a_server_and_memory_it_can_map),
        cmocka_unit_test(virtual_networks_are_cards_on_their_switches),
        cmocka_unit_test(commas_of_variables_are_not_those_of_a_list),
        cmocka_unit_test(an_open_port_on_every_interface_is_warned_about),
        cmocka_unit_test(an_agent_that_is_asked_for_gets_its_channel),
        cmocka_unit_test(a_resolution_that_is_asked_for_is_the_displays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
