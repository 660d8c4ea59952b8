/* SPDX-License-Identifier: MIT */
/* Plans of whole configurations. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
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
    planned_expect_problem(&p, "--modules-dir", "not a directory", NULL);
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

#define BOOT_LOADER "\"virtualisation\": {\"useBootLoader\": true"
#define HOST_STORE  "\"virtualisation\": {\"mountHostNixStore\": true"
#define FOREIGN     "\"virtualisation\": {\"directBoot\": {\"enable\": false}"

static void shares_are_served_as_in_the_release(void **state)
{
    static const struct {
        const char *settings; /* of runVm */
        size_t servers;
        const char *problem; /* the option it is with; NULL: none */
    } cases[] = {
        {"\"release\": \"26.05\"", 0, NULL},
        {"\"release\": \"26.11\"", 3, NULL},
        {"\"release\": \"26.11\", \"transport\": \"9p\"", 0, NULL},
        {"\"release\": \"26.11\", \"shares\": {\"xchg\": {\"transport\": \"9p\"}}", 2, NULL},
        {"\"release\": \"26.05\", \"storeTransport\": \"auto\"}, " HOST_STORE, 1, NULL},
        {"\"release\": \"26.11\", \"storeTransport\": \"9p\"", 2, NULL},
        /* virtiofs would make each warm start a cold one */
        {"\"release\": \"26.11\", \"warmStart\": true", 0, NULL},
        {"\"release\": \"26.11\", \"warmStart\": true, \"storeTransport\": \"auto\"", 0, NULL},
        {"\"release\": \"26.11\", \"warmStart\": true, \"transport\": \"virtiofs\"", 3, NULL},
        {"\"release\": \"26.11\", \"warmStart\": true, \"initrd\": \"system\"", 3, NULL},
        {"\"release\": \"26.11\", \"warmStart\": true}, " BOOT_LOADER, 3, NULL},
        {"\"transport\": \"virtiofs\", \"storeTransport\": \"9p\"", 2, NULL},
        {"\"storeTransport\": \"auto\", \"shares\": {\"nix-store\": {\"transport\": \"9p\"}}", 0,
         NULL},
        {"\"release\": \"26.05\", \"storeTransport\": \"auto\", \"initrd\": \"system\"", 0, NULL},
        {"\"release\": \"26.11\", \"storeTransport\": \"auto\", \"initrd\": \"system\"", 3, NULL},
        {"\"release\": \"26.05\", \"storeTransport\": \"virtiofs\", \"initrd\": \"system\"", 1,
         "runVm.storeTransport: is \"virtiofs\", expected \"9p\""},
        {"\"release\": \"26.05\", \"initrd\": \"system\"", 0, NULL},
        {"\"release\": \"26.11\", \"initrd\": \"system\"", 3, NULL},
        {"\"release\": \"26.11\", \"initrd\": \"system\", \"transport\": \"9p\"", 0,
         "runVm.transport: is \"9p\", expected \"virtiofs\""},
        {"\"initrd\": \"system\", \"shares\": {\"xchg\": {\"transport\": \"virtiofs\"}}", 1,
         "runVm.shares.xchg.transport: is \"virtiofs\", expected \"9p\""},
        {"\"release\": \"26.05\"}, " BOOT_LOADER, 0, NULL},
        {"\"release\": \"26.11\"}, " BOOT_LOADER, 3, NULL},
        {"\"release\": \"26.11\", \"transport\": \"9p\"}, " BOOT_LOADER, 0,
         "runVm.transport: is \"9p\", expected \"virtiofs\": the system's own initrd, which "
         "virtualisation.useBootLoader asks for"},
        {"\"release\": \"23.11\", \"transport\": \"virtiofs\"}, " BOOT_LOADER, 3,
         "runVm.transport: is \"virtiofs\", expected \"9p\""},
        /* nothing is known of what boots */
        {"\"release\": \"26.11\", \"transport\": \"9p\"}, " FOREIGN, 0, NULL},
        {"\"release\": \"26.11\", \"transport\": \"9p\", \"initrd\": \"system\"}, " FOREIGN, 0,
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        /* any program does: the plan does not run it */
        char *json CLEANUP_FREE = xasprintf(
            "{\"runVm\": {\"virtiofsd\": \"@/qemu/bin/qemu-img\", %s}}", cases[i].settings);

        planned_new(&p, json, planned_no_environment);
        if (cases[i].problem)
            planned_expect_problem(&p, cases[i].problem, NULL);
        else
            planned_expect_success(&p);
        if (p.plan.server_count != cases[i].servers)
            fail_msg("%s: %zu servers", cases[i].settings, p.plan.server_count);
        for (size_t j = 0; j < p.plan.server_count; j++)
            assert_non_null(strstr(p.plan.servers[j].program, "/qemu/bin/qemu-img"));
    }
}

static void a_virtiofsd_that_is_named_must_be_there(void **state)
{
    static const char *const settings[] = {"\"release\": \"26.11\"", "\"transport\": \"virtiofs\"",
                                           "\"release\": \"26.11\", \"initrd\": \"system\""};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(settings); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE =
            xasprintf("{\"runVm\": {\"virtiofsd\": \"/no/such\", %s}}", settings[i]);

        planned_new(&p, json, planned_no_environment);
        assert_int_equal(p.result, -ENOENT);
        assert_error_names(p.e, "/no/such", "virtiofsd");
    }
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
    planned_new(
        &p,
        "{\"runVm\": {\"transport\": \"virtiofs\", \"shares\": {\"xchg\": {\"transport\": "
        "\"9p\"}}}, \"virtualisation\": {\"sharedDirectories\": {\"z\": {\"source\": \"/s\", "
        "\"target\": \"/z\", \"writable\": false}}}}",
        planned_no_environment);
    /* where the plan fails, it is for want of virtiofsd: the rest has been made all the same */
    assert_int_equal(p.config.problems.count, 0);
    assert_non_null(strstr(planned_argument(&p, "-object", 0), "share=on"));
    assert_non_null(strstr(planned_argument(&p, "-virtfs", 0), "mount_tag=xchg"));
    assert_null(planned_argument(&p, "-virtfs", 1));
    assert_int_equal(p.plan.server_count, 3);
    assert_true(p.plan.servers[0].read_only);
    assert_string_equal(p.plan.servers[0].source, "/nix/store");
    assert_false(p.plan.servers[1].read_only);
    assert_true(p.plan.servers[2].read_only);
    planned_read_params(&p, &params);
    assert_int_equal(params.store.kind, STORE_VIRTIOFS);
    assert_int_equal(params.shares.items[0].transport, SHARE_VIRTIOFS);
    assert_int_equal(params.shares.items[1].transport, SHARE_9P);
    assert_string_equal(params.shares.items[2].options, "ro");
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

/* Lists the devices on virtual networks, with the sockets of these. */
static char *virtual_cards(const struct planned *p)
{
    struct strv cards CLEANUP_STRV = {0};

    for (size_t i = 0; i < planned_count(p, "-device"); i++) {
        const char *card = startswith(planned_argument(p, "-device", i), "virtio-net-pci,netdev=");

        if (card)
            strv_push(&cards, card);
    }
    for (size_t i = 0; i < planned_count(p, "-netdev"); i++) {
        const char *network = startswith(planned_argument(p, "-netdev", i), "vde,id=");

        if (network)
            strv_push(&cards, network);
    }
    return strv_join(&cards, " ");
}

static void interfaces_are_cards_in_the_order_of_their_names(void **state)
{
#define FRAMEWORK                                                                                  \
    "\"-device virtio-net-pci,netdev=vlan1,mac=52:54:00:12:07:01\","                               \
    "\"-netdev vde,id=vlan1,sock=\\\"$QEMU_VDE_SOCKET_7\\\"\""
    static const struct {
        const char *options;
        const char *expected;
    } cases[] = {
        {"\"interfaces\": {\"lan\": {\"vlan\": 7}}", "vlan1,mac=52:54:00:12:07:01 vlan1,sock=/s7"},
        {"\"vlans\": [8], \"interfaces\": {\"lan\": {\"vlan\": 7}, \"dmz\": {\"vlan\": 8}}",
         "vlan1,mac=52:54:00:12:08:01 vlan2,mac=52:54:00:12:08:01 vlan3,mac=52:54:00:12:07:01 "
         "vlan1,sock=/s8 vlan2,sock=/s8 vlan3,sock=/s7"},
        {"\"vlans\": [1], \"allInterfaces\": {\"b\": {\"name\": \"a\", \"vlan\": 8}, \"a\": "
         "{\"name\": \"b\", \"vlan\": 7, \"assignIP\": true}}",
         "vlan1,mac=52:54:00:12:07:01 vlan2,mac=52:54:00:12:08:01 vlan1,sock=/s7 vlan2,sock=/s8"},
        /* what the test framework adds to qemu.options is not made twice */
        {"\"vlans\": [7], \"qemu\": {\"options\": [" FRAMEWORK "]}",
         "vlan1,mac=52:54:00:12:07:01 vlan1,sock=/s7"},
        {"\"vlans\": [7, 8], \"qemu\": {\"options\": [\"-netdev vde,id=vlan1,sock=/x\"]}",
         "vlan1,mac=52:54:00:12:07:01 vlan2,mac=52:54:00:12:08:01 vlan2,sock=/s8 vlan1,sock=/x"},
    };
    const char *const environment[] = {"QEMU_VDE_SOCKET_7=/s7", "QEMU_VDE_SOCKET_8=/s8", NULL};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf(VM("%s"), cases[i].options);

        planned_new(&p, json, environment);
        planned_expect_success(&p);
        char *cards CLEANUP_FREE = virtual_cards(&p);
        assert_string_equal(cards, cases[i].expected);
    }
}

static void a_card_of_the_users_is_named_by_its_own_address(void **state)
{
    static const struct {
        const char *device;
        const char *address; /* NULL: its interface is not named */
    } cases[] = {
        {"virtio-net-pci,netdev=vlan1,mac=52:54:00:12:07:01", "\x52\x54\0\x12\x07\x01"},
        {"e1000,mac=02:00:00:00:00:01,netdev=vlan1,id=x", "\x02\0\0\0\0\x01"},
        {"e1000,netdev=vlan1", NULL},
        {"e1000,netdev=vlan1,mac=02-00-00-00-00-01", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;
        char *json CLEANUP_FREE = xasprintf(
            VM("\"vlans\": [7], \"qemu\": {\"options\": [\"-netdev user,id=vlan1 -device %s\"]}"),
            cases[i].device);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        assert_int_equal(params.ifnames.count, cases[i].address ? 1 : 0);
        if (cases[i].address)
            assert_memory_equal(params.ifnames.items[0].address, cases[i].address,
                                IFNAME_ADDRESS_BYTES);
    }
}

static void interfaces_have_names_of_their_own(void **state)
{
    static const struct {
        const char *options;
        const char *option;
        const char *reason;
    } cases[] = {
        {"\"vlans\": [1], \"interfaces\": {\"eth1\": {\"vlan\": 2}}", "interfaces.eth1",
         "virtualisation.vlans too"},
        {"\"interfaces\": {\"a\": {\"vlan\": 2}, \"b\": {\"vlan\": 3, \"name\": \"a\"}}",
         "allInterfaces.b.name", "\"a\""},
        {"\"interfaces\": {\"a\": {}}", "interfaces.a.vlan", "is not set"},
        {"\"interfaces\": {\"a\": {\"vlan\": 256}}", "interfaces.a.vlan", "from 0 to 255"},
        {"\"interfaces\": {\"a/b\": {\"vlan\": 1}}", "interfaces", "at most 15 bytes"},
        {"\"interfaces\": {\"a234567890123456\": {\"vlan\": 1}}", "interfaces", "at most 15 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf(VM("%s"), cases[i].options);

        planned_new(&p, json, planned_no_environment);
        planned_expect_problem(&p, cases[i].option, cases[i].reason, NULL);
    }
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

static void the_first_signal_does_what_is_wanted(void **state)
{
    static const struct {
        bool runner;
        const char *setting;
        unsigned int option;
        bool quits;
    } cases[] = {
        {false, "null", ON_TERM_AUTO, false},        {true, "null", ON_TERM_AUTO, true},
        {false, "\"quit\"", ON_TERM_AUTO, true},     {true, "\"poweroff\"", ON_TERM_AUTO, false},
        {true, "\"quit\"", ON_TERM_POWEROFF, false}, {true, "null", ON_TERM_POWEROFF, false},
        {false, "\"poweroff\"", ON_TERM_QUIT, true},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf("{\"runVm\": {\"onTerm\": %s}}", cases[i].setting);

        planned_init(&p);
        p.options.runner = cases[i].runner;
        p.options.on_term = cases[i].option;
        planned_make(&p, json, planned_no_environment);
        planned_expect_success(&p);
        assert_int_equal(p.plan.quits, cases[i].quits);
    }
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
        cmocka_unit_test(shares_are_served_as_in_the_release),
        cmocka_unit_test(a_virtiofsd_that_is_named_must_be_there),
        cmocka_unit_test(a_share_on_virtiofs_has_a_server_and_memory_it_can_map),
        cmocka_unit_test(virtual_networks_are_cards_on_their_switches),
        cmocka_unit_test(commas_of_variables_are_not_those_of_a_list),
        cmocka_unit_test(an_open_port_on_every_interface_is_warned_about),
        cmocka_unit_test(an_agent_that_is_asked_for_gets_its_channel),
        cmocka_unit_test(a_resolution_that_is_asked_for_is_the_displays),
        cmocka_unit_test(the_first_signal_does_what_is_wanted),
        cmocka_unit_test(interfaces_are_cards_in_the_order_of_their_names),
        cmocka_unit_test(a_card_of_the_users_is_named_by_its_own_address),
        cmocka_unit_test(interfaces_have_names_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
