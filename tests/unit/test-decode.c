/* SPDX-License-Identifier: MIT */
/* Covers host/config/decode.c and the files of the structs that it fills in. */
#include "host/config/decode.h"

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static void configure(struct planned *p, const char *json)
{
    planned_init(p);
    planned_configure(p, json, true);
    planned_expect_success(p);
}

static void shares_are_sorted_and_know_their_transport(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    configure(&p, "{\"virtualisation\": {\"sharedDirectories\": {\"a\": {\"source\": \"$HOME\","
                  "\"target\": \"/a\", \"options\": [\"ro\"]}}},"
                  "\"runVm\": {\"shares\": {\"a\": {\"transport\": \"virtiofs\"}}}}");
    const struct shares *shares = &p.config.shares;
    assert_int_equal(shares->count, 3);
    const struct share *a = &shares->items[0];
    assert_string_equal(a->tag, "a");
    assert_string_equal(a->source, "$HOME");
    assert_string_equal(a->target, "/a");
    assert_string_equal(a->security_model, "none");
    assert_true(a->writable);
    assert_int_equal(a->transport, SHARE_VIRTIOFS);
    assert_int_equal(a->options.count, 1);
    assert_string_equal(shares->items[1].tag, SHARE_SHARED);
    assert_int_equal(share_find(shares, SHARE_EXCHANGE)->transport, SHARE_9P);
    assert_null(share_find(shares, SHARE_STORE));
}

static void a_share_has_the_defaults_of_the_release(void **state)
{
    static const struct {
        const char *release;
        const char *set; /* of the share x */
        const char *security_model;
        bool writable;
    } cases[] = {
        {"23.11", "", "none", true},
        {"24.05", "", "mapped-xattr", true},
        {"26.11", "", "none", false},
        {"26.11", ", \"writable\": true, \"securityModel\": \"mapped-file\"", "mapped-file", true},
        {"24.05", ", \"writable\": false, \"securityModel\": \"none\"", "none", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf("{\"runVm\": {\"release\": \"%s\"}, "
                                            "\"virtualisation\": {\"sharedDirectories\": {\"x\": "
                                            "{\"source\": \"/s\", \"target\": \"/x\"%s}}}}",
                                            cases[i].release, cases[i].set);

        configure(&p, json);
        const struct share *share = share_find(&p.config.shares, "x");
        assert_string_equal(share->security_model, cases[i].security_model);
        assert_int_equal(share->writable, cases[i].writable);
        const struct share *exchange = share_find(&p.config.shares, SHARE_EXCHANGE);
        assert_string_equal(exchange->security_model, "none");
        assert_true(exchange->writable);
    }
}

static void drives_have_their_options(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    configure(&p, VM("\"diskImage\": null, \"emptyDiskImages\": [5, {\"size\": 7, \"driveConfig\":"
                     "{\"name\": \"x\", \"deviceExtraOpts\": {\"serial\": \"s\"}}}]"));
    const struct drives *drives = &p.config.drives;
    assert_int_equal(drives->count, 2);
    assert_null(drives->items[0].name);
    assert_string_equal(drives->items[1].name, "x");
    assert_string_equal(drive_option_find(&drives->items[1].device, "serial"), "s");
    assert_string_equal(drive_option_find(&drives->items[1].backend, "werror"), "report");
    assert_null(drive_option_find(&drives->items[1].backend, "serial"));
    assert_int_equal(p.config.empty_disk_count, 2);
    assert_true(p.config.empty_disks[0] == 5 << 20 && p.config.empty_disks[1] == 7 << 20);
}

static void ports_and_networks_are_numbers(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    configure(&p, VM("\"vlans\": [3, 255], \"forwardPorts\": [{\"from\": \"guest\", \"host\":"
                     "{\"port\": 80}, \"guest\": {\"port\": 8080, \"address\": \"10.0.2.1\"}}]"));
    const struct port_forward *forward = p.config.forward_ports.items;
    assert_int_equal(p.config.forward_ports.count, 1);
    assert_true(forward->from_guest);
    assert_string_equal(forward->protocol, "tcp");
    assert_string_equal(forward->host_address, "");
    assert_string_equal(forward->guest_address, "10.0.2.1");
    assert_true(forward->host_port == 80 && forward->guest_port == 8080);
    assert_int_equal(p.config.cards.count, 2);
    assert_string_equal(p.config.cards.items[1].name, "eth2");
    assert_int_equal(p.config.cards.items[1].network, 255);
}

static const struct filesystem *filesystem_at(const struct config *config, const char *where)
{
    for (size_t i = 0; i < config->filesystems.count; i++)
        if (streq(config->filesystems.items[i].where, where))
            return &config->filesystems.items[i];
    fail_msg("no filesystem at %s", where);
    return NULL;
}

static void filesystems_say_when_they_are_mounted(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    configure(&p, VM("\"fileSystems\": {\"/data\": {\"label\": \"x\"}, \"/var\": {\"device\":"
                     "\"/dev/vdb\", \"fsType\": \"ext4\"}}"));
    const struct filesystem *data = filesystem_at(&p.config, "/data");
    assert_string_equal(data->type, "auto");
    assert_string_equal(data->device, "/dev/disk/by-label/x");
    assert_true(strv_contains(&data->options, "defaults"));
    assert_false(data->needed_for_boot);
    assert_true(filesystem_at(&p.config, "/var")->needed_for_boot);
    assert_true(filesystem_at(&p.config, "/")->auto_format);
}

static void the_machines_filesystems_take_the_place_of_the_configurations(void **state)
{
    static const char own[] = "\"fileSystems\": {\"/\": {\"device\": \"/dev/sda\"},"
                              " \"/off\": {\"enable\": false}}";
    struct planned p CLEANUP_PLANNED;
    struct planned forced CLEANUP_PLANNED;
    struct planned both CLEANUP_PLANNED;

    (void)state;
    char *plain CLEANUP_FREE = xasprintf("{%s}", own);
    configure(&p, plain);
    assert_string_equal(filesystem_at(&p.config, "/")->device, "/dev/vda");
    char *empty CLEANUP_FREE = xasprintf("{%s, \"virtualisation\": {\"fileSystems\": {\"_type\": "
                                         "\"override\", \"priority\": 50, \"content\": {}}}}",
                                         own);
    configure(&forced, empty);
    assert_int_equal(forced.config.filesystems.count, 1);
    assert_string_equal(forced.config.filesystems.items[0].device, "/dev/sda");
    configure(&both, "{\"fileSystems\": {\"_type\": \"override\", \"priority\": 10, \"content\":"
                     " {\"/more\": {\"fsType\": \"tmpfs\"}}}}");
    assert_string_equal(filesystem_at(&both.config, "/")->device, "/dev/vda");
    assert_string_equal(filesystem_at(&both.config, "/more")->device, "tmpfs");
}

static void an_overlay_needs_its_layers(void **state)
{
    static const struct {
        const char *overlay;
        const char *problem;
    } cases[] = {
        {"\"lowerdir\": [\"/a\", \"/b\"]", NULL},
        {"\"lowerdir\": [\"/a\"], \"upperdir\": \"/u\", \"workdir\": \"/w\"", NULL},
        {"\"lowerdir\": [\"/a\"]", "one lower layer and no upperdir"},
        {"\"lowerdir\": []", "an empty lowerdir and no upperdir"},
        {"\"lowerdir\": [], \"upperdir\": \"/u\", \"workdir\": \"/w\"", "an empty lowerdir"},
        {"\"lowerdir\": [\"/a\"], \"upperdir\": \"/u\"", "an upperdir without a workdir"},
        {"\"workdir\": \"/w\"", "a workdir without an upperdir"},
        {"\"upperdir\": \"/u\", \"workdir\": \"/w\"", "has no lowerdir"},
        {"\"lowerdir\": [\"a\", \"/b\"]", "expected path"},
        {"\"lowerDir\": [\"/a\", \"/b\"]", "expected perhaps overlay.lowerdir"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE =
            xasprintf(VM("\"fileSystems\": {\"/m\": {\"overlay\": {%s}}}"), cases[i].overlay);

        planned_init(&p);
        planned_configure(&p, json, true);
        if (cases[i].problem)
            planned_expect_problem(&p, "virtualisation.fileSystems.", "/m", cases[i].problem, NULL);
        else
            planned_expect_success(&p);
    }
}

static void entries_for_qemu_are_built_in_or_texts(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    configure(&p, VM("\"qemu\": {\"networkingOptions\": [\"-nic none\"]}"));
    const struct qemu_entries *entries = &p.config.networking_options;
    assert_int_equal(entries->count, 3);
    assert_true(entries->items[0].built_in);
    assert_string_equal(entries->items[0].text, "nic");
    assert_false(entries->items[2].built_in);
    assert_string_equal(entries->items[2].text, "-nic none");
}

static void sizes_and_names_are_looked_up(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    configure(&p, "{\"runVm\": {\"cacheSize\": \"2G\"}, \"nixpkgs\": {\"hostPlatform\":"
                  "{\"system\": \"aarch64-linux\"}}, \"virtualisation\": {\"qemu\":"
                  "{\"diskInterface\": \"scsi\"}}}");
    assert_true(p.config.cache_size == UINT64_C(2) << 30);
    assert_string_equal(p.config.platform_name, "aarch64-linux");
    assert_string_equal(p.config.platform->serial, "ttyAMA0");
    assert_string_equal(p.config.disk_interface->device, "scsi-hd");
}

static void a_platform_without_a_system_is_a_problem(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p, "{\"nixpkgs\": {\"hostPlatform\": {\"config\": \"x\"}}}", true);
    planned_expect_problem(&p, "nixpkgs.hostPlatform", "\"system\"", NULL);
}

static void settings_of_an_unknown_share_are_a_problem(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p, "{\"runVm\": {\"shares\": {\"x\": {}}}}", true);
    planned_expect_problem(&p, "runVm.shares.x", "is no share", NULL);
}

static void settings_of_a_wrong_share_are_no_second_problem(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p,
                      "{\"virtualisation\": {\"sharedDirectories\": {\"x\": \"/srv\"}},"
                      "\"runVm\": {\"shares\": {\"x\": {}}}}",
                      true);
    planned_expect_problem(&p, "virtualisation.sharedDirectories.x", NULL);
    assert_int_equal(p.config.problems.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_sorted_and_know_their_transport),
        cmocka_unit_test(a_share_has_the_defaults_of_the_release),
        cmocka_unit_test(drives_have_their_options),
        cmocka_unit_test(ports_and_networks_are_numbers),
        cmocka_unit_test(filesystems_say_when_they_are_mounted),
        cmocka_unit_test(the_machines_filesystems_take_the_place_of_the_configurations),
        cmocka_unit_test(an_overlay_needs_its_layers),
        cmocka_unit_test(entries_for_qemu_are_built_in_or_texts),
        cmocka_unit_test(sizes_and_names_are_looked_up),
        cmocka_unit_test(a_platform_without_a_system_is_a_problem),
        cmocka_unit_test(settings_of_an_unknown_share_are_a_problem),
        cmocka_unit_test(settings_of_a_wrong_share_are_no_second_problem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
