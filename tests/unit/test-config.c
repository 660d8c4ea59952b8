/* SPDX-License-Identifier: MIT */
#include "host/config/config.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/resolve.h"
#include "host/config/schema.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define FORCE(content)   "{\"_type\": \"override\", \"priority\": 50, \"content\": " content "}"
#define DEFAULT(content) "{\"_type\": \"override\", \"priority\": 1000, \"content\": " content "}"
#define BEFORE(content)  "{\"_type\": \"order\", \"priority\": 500, \"content\": " content "}"
#define AFTER(content)   "{\"_type\": \"order\", \"priority\": 1500, \"content\": " content "}"

/* The value of an option under a configuration, as JSON; the caller frees. */
static char *value_under(const char *json, const char *option)
{
    struct planned p CLEANUP_PLANNED;

    planned_init(&p);
    planned_configure(&p, json, true);
    planned_expect_success(&p);
    return json_dumps(config_get(&p.config, option),
                      JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
}

static void assert_value(const char *json, const char *option, const char *expected)
{
    char *value CLEANUP_FREE = value_under(json, option);

    if (!streq(value, expected))
        fail_msg("%s: %s under %s, not %s", option, value, json, expected);
}

static void defaults_are_the_specifications(void **state)
{
    static const struct {
        const char *option;
        const char *value;
    } cases[] = {
        {"virtualisation.memorySize", "1024"},
        {"virtualisation.msize", "16384"},
        {"virtualisation.diskSize", "1024"},
        {"virtualisation.diskImage", "\"./nixos.qcow2\""},
        {"virtualisation.rootDevice", "\"/dev/vda\""},
        {"virtualisation.persistBootDevice", "false"},
        {"virtualisation.emptyDiskImages", "[]"},
        {"virtualisation.graphics", "true"},
        {"virtualisation.resolution", "{\"x\":1024,\"y\":768}"},
        {"virtualisation.cores", "1"},
        {"virtualisation.forwardPorts", "[]"},
        {"virtualisation.restrictNetwork", "false"},
        {"virtualisation.vlans", "[1]"},
        {"virtualisation.allInterfaces", "{\"eth1\":{\"name\":\"eth1\",\"vlan\":1}}"},
        {"virtualisation.test.nodeName", "null"},
        {"virtualisation.writableStore", "true"},
        {"virtualisation.writableStoreUseTmpfs", "true"},
        {"virtualisation.qemu.diskInterface", "\"virtio\""},
        {"virtualisation.qemu.guestAgent.enable", "true"},
        {"virtualisation.qemu.virtioKeyboard", "true"},
        {"virtualisation.useNixStoreImage", "false"},
        {"virtualisation.useBootLoader", "false"},
        {"virtualisation.useEFIBoot", "false"},
        {"virtualisation.useDefaultFilesystems", "true"},
        {"virtualisation.efiVars", "\"./nixos-efi-vars.fd\""},
        {"virtualisation.bios", "null"},
        {"networking.primaryIPAddress", "\"\""},
        {"system.name", "\"nixos\""},
        {"boot.tmp.useTmpfs", "false"},
        {"boot.tmp.tmpfsSize", "\"50%\""},
        {"nix.enable", "true"},
        {"runVm.initrd", "\"builtin\""},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_value("{}", cases[i].option, cases[i].value);
}

static void the_name_names_the_files(void **state)
{
    (void)state;
    assert_value("{\"networking\": {\"hostName\": \"db\"}}", "virtualisation.diskImage",
                 "\"./db.qcow2\"");
    assert_value("{\"networking\": {\"hostName\": \"\"}}", "system.name", "\"unnamed\"");
    assert_value("{\"networking\": {\"hostName\": \"db\"}, \"system\": {\"name\": \"m\"}}",
                 "virtualisation.efiVars", "\"./m-efi-vars.fd\"");
}

static void priorities_decide(void **state)
{
    static const struct {
        const char *json;
        const char *value;
    } cases[] = {
        {VM("\"cores\": 2"), "2"},
        {VM("\"cores\": " DEFAULT("2")), "2"},
        {VM("\"cores\": {\"_type\": \"merge\", \"contents\": [2, " FORCE("3") "]}"), "3"},
        {VM("\"cores\": {\"_type\": \"merge\", \"contents\": [2, " DEFAULT("3") "]}"), "2"},
        {VM("\"cores\": {\"_type\": \"merge\", \"contents\": [2, 2]}"), "2"},
        {VM("\"cores\": {\"_type\": \"if\", \"condition\": false, \"content\": 2}"), "1"},
        {VM("\"cores\": {\"_type\": \"if\", \"condition\": true, \"content\": 2}"), "2"},
        {VM("\"cores\": {\"_type\": \"override\", \"priority\": 2000, \"content\": 9}"), "1"},
        {"{\"virtualisation\": " FORCE("{\"cores\": 4}") "}", "4"},
        {FORCE("{\"virtualisation\": {\"cores\": 4}}"), "4"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_value(cases[i].json, "virtualisation.cores", cases[i].value);
}

static void lists_append_to_the_built_in_entries(void **state)
{
    static const char option[] = "boot.initrd.availableKernelModules";
    static const struct {
        const char *json;
        const char *value;
    } cases[] = {
        {"[\"a\", \"b\"]", "[\"overlay\",\"a\",\"b\"]"},
        {BEFORE("[\"a\"]"), "[\"a\",\"overlay\"]"},
        {AFTER("[\"a\"]"), "[\"overlay\",\"a\"]"},
        {FORCE("[]"), "[]"},
        {FORCE(BEFORE("[\"a\"]")), "[\"a\"]"},
        {DEFAULT("[\"a\"]"), "[\"overlay\"]"},
        {"{\"_type\": \"merge\", \"contents\": [" AFTER("[\"z\"]") ", [\"m\"], " BEFORE(
             "[\"a\"]") "]}",
         "[\"a\",\"overlay\",\"m\",\"z\"]"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *json CLEANUP_FREE =
            xasprintf("{\"boot\": {\"initrd\": {\"availableKernelModules\": %s}}}", cases[i].json);

        assert_value(json, option, cases[i].value);
    }
}

static void the_old_name_of_an_option_is_followed_with_a_warning(void **state)
{
    struct planned p CLEANUP_PLANNED;
    char *value CLEANUP_FREE = NULL;

    (void)state;
    planned_init(&p);
    planned_configure(
        &p, VM("\"pathsInNixDB\": [\"/nix/store/a\"], \"additionalPaths\": [\"/nix/store/b\"]"),
        true);
    planned_expect_success(&p);
    value = json_dumps(config_get(&p.config, "virtualisation.additionalPaths"), JSON_COMPACT);
    assert_non_null(strstr(value, "/nix/store/a"));
    assert_non_null(strstr(value, "/nix/store/b"));
    assert_int_equal(p.config.warnings.count, 1);
    assert_non_null(strstr(p.config.warnings.items[0], "`virtualisation.pathsInNixDB'"));
}

static void sets_are_merged_by_name(void **state)
{
    struct planned p CLEANUP_PLANNED;
    json_t *systems, *root;

    (void)state;
    planned_init(&p);
    planned_configure(&p,
                      VM("\"fileSystems\": {\"/\": {\"options\": [\"noatime\"]}, \"/t\": "
                         "{\"fsType\": \"tmpfs\"}, \"/l\": {\"label\": \"x\"}, \"/r\": "
                         "{\"device\": \"/dev/vdb\", \"autoResize\": true, \"options\": [\"a\"]}}"),
                      true);
    planned_expect_success(&p);
    systems = config_get(&p.config, "virtualisation.fileSystems");
    root = json_object_get(systems, "/");
    assert_string_equal(json_string_value(json_object_get(root, "device")), "/dev/vda");
    assert_string_equal(json_string_value(json_array_get(json_object_get(root, "options"), 0)),
                        "noatime");
    assert_int_equal(json_array_size(json_object_get(root, "options")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(systems, "/t"), "device")), "tmpfs");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(systems, "/l"), "device")),
        "/dev/disk/by-label/x");
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(json_object_get(systems, "/r"), "options"), 1)),
                        "x-nixos.autoresize");
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *json;
        const char *words[3]; /* besides the file's name */
    } cases[] = {
        {VM("\"memorySize\": 0"), {"virtualisation.memorySize: is 0", "positive integer"}},
        {VM("\"memorySize\": \"1\""), {"virtualisation.memorySize: is \"1\"", "positive integer"}},
        {VM("\"memorySize\": 1.0"), {"virtualisation.memorySize", "positive integer"}},
        {VM("\"memorySize\": \"2X\""), {"virtualisation.memorySize: is \"2X\"", "such as \"2G\""}},
        {VM("\"memorySize\": \"1500K\""), {"virtualisation.memorySize: is \"1500K\"", "(MiB)"}},
        {VM("\"memorySize\": \"9999999999T\""), {"virtualisation.memorySize", "to 4294967296"}},
        {VM("\"msize\": \"4G\""), {"virtualisation.msize: is \"4G\"", "to 2147483647 (bytes)"}},
        {VM("\"memorysize\": 5"), {"virtualisation.memorysize", "virtualisation.memorySize"}},
        {VM("\"graphics\": \"no\""), {"virtualisation.graphics: is \"no\"", "true or false"}},
        {VM("\"cores\": {\"_type\": \"merge\", \"contents\": [2, 3]}"),
         {"virtualisation.cores", "conflicting", "override"}},
        {VM("\"sharedDirectories\": {\"xchg\": {\"source\": \"/x\"}}"),
         {"virtualisation.sharedDirectories.xchg.source", "conflicting", "built in"}},
        {VM("\"sharedDirectories\": {\"a b\": {\"source\": \"/x\"}}"),
         {"virtualisation.sharedDirectories.\"a b\".target: is not set", "path"}},
        {VM("\"qemu\": {\"options\": [\"-x\", 5]}"),
         {"virtualisation.qemu.options.<entry 2>: is 5", "string"}},
        {VM("\"qemu\": {\"drives\": [{}]}"),
         {"virtualisation.qemu.drives.<entry 1>.file: is not set", "string"}},
        {VM("\"qemu\": {\"drives\": [{\"file\": \"x\", \"foo\": 1}]}"),
         {"virtualisation.qemu.drives.<entry 1>.foo", "not an option"}},
        {VM("\"qemu\": 5"), {"virtualisation.qemu: is 5", "set of options"}},
        {VM("\"qemu\": {\"diskInterface\": \"nvme\"}"),
         {"virtualisation.qemu.diskInterface: is \"nvme\"", "\"virtio\", \"scsi\", \"ide\""}},
        {VM("\"forwardPorts\": [{\"host\": {\"port\": 65536}, \"guest\": {\"port\": 1}}]"),
         {"virtualisation.forwardPorts.<entry 1>.host.port: is 65536", "65535"}},
        {VM("\"fileSystems\": {\"/\": {\"device\": \"/dev/vdb\"}}"),
         {"virtualisation.fileSystems.\"/\".device", "/dev/vda", "/dev/vdb"}},
        {VM("\"fileSystems\": {\"/a/\": {\"device\": \"/dev/vdb\"}}"),
         {"virtualisation.fileSystems.\"/a/\".mountPoint", "without a /"}},
        {VM("\"cores\": {\"_type\": \"overide\", \"content\": 1}"),
         {"virtualisation.cores", "overide", "override"}},
        {VM("\"cores\": {\"_type\": \"override\", \"content\": 1}"),
         {"virtualisation.cores", "priority"}},
        {VM("\"cores\": " BEFORE(FORCE("1"))), {"virtualisation.cores", "inside"}},
        {VM("\"a.b\": 1"), {"virtualisation.a.b", "not an option"}},
        {"{\"virtualisation.cores\": 1}", {"virtualisation.cores", "not an option"}},
        {"{\"virtualisation\": []}", {"virtualisation: is a list", "set of options"}},
        {"{\"networking\": {\"hostName\": \"-x\"}}", {"networking.hostName: is \"-x\""}},
        {"{\"boot\": {\"kernelParams\": [\"a b\"]}}", {"boot.kernelParams.<entry 1>"}},
        {"{\"runVm\": {\"foo\": 1}}", {"runVm.foo", "not an option"}},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        planned_configure(&p, cases[i].json, true);
        assert_int_equal(p.result, -EINVAL);
        planned_expect_problem(&p, "config.json: ", cases[i].words[0], cases[i].words[1],
                               cases[i].words[1] ? cases[i].words[2] : NULL, NULL);
    }
}

/* Numbers that no multiplication overflows, and ranges that errors and the manual tell. */
static void check_ranges(const struct type *type, const char *name)
{
    char *range CLEANUP_FREE =
        xasprintf("from %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT, type->min, type->max);

    if (type->kind == TYPE_INTEGER && !strstr(type->name, range))
        fail_msg("%s: \"%s\" does not tell its range, %s", name, type->name, range);
    if (type->kind == TYPE_INTEGER && strstr(type->name, "MiB") &&
        (uint64_t)type->max > UINT64_MAX >> 20)
        fail_msg("%s: %s: overflows in bytes", name, type->name);
    if (type->element)
        check_ranges(type->element, name);
    if (type->other)
        check_ranges(type->other, name);
    for (size_t i = 0; i < type->option_count; i++)
        check_ranges(type->options[i].type, type->options[i].name);
}

static void numbers_have_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_option_count; i++)
        check_ranges(schema_options[i].type, schema_options[i].name);
}

static void sizes_may_have_units(void **state)
{
    static const struct {
        const char *set, *option, *value;
    } cases[] = {
        {"\"memorySize\": \"2G\"", "virtualisation.memorySize", "2048"},
        {"\"memorySize\": \"1.5GiB\"", "virtualisation.memorySize", "1536"},
        {"\"diskSize\": \"1T\"", "virtualisation.diskSize", "1048576"},
        {"\"diskSize\": \"auto\"", "virtualisation.diskSize", "\"auto\""},
        {"\"msize\": \"128K\"", "virtualisation.msize", "131072"},
        {"\"emptyDiskImages\": [\"2G\", 3]", "virtualisation.emptyDiskImages", "[2048,3]"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *json CLEANUP_FREE = xasprintf("{\"virtualisation\": {%s}}", cases[i].set);

        assert_value(json, cases[i].option, cases[i].value);
    }
}

static void every_problem_is_reported_once(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p,
                      VM("\"memorySize\": 0, \"coress\": 1, \"fileSystems\": {\"/\": 5}, "
                         "\"qemu\": {\"diskInterface\": \"x\", \"drives\": [{}, {}]}"),
                      true);
    assert_int_equal(p.config.problems.count, 6);
}

static void options_of_nixos_that_are_not_ours_are_left_alone(void **state)
{
    (void)state;
    assert_value("{\"services\": {\"x\": 1}, \"boot\": {\"loader\": {\"grub\": 5}}, "
                 "\"fileSystems\": {\"/\": {\"device\": \"/dev/sda\"}}}",
                 "virtualisation.cores", "1");
}

static void json_that_cannot_be_read_is_an_error_with_its_place(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"{\n  \"a\": }", "config.json:2:8: "},
        {"{\"a\": 1, \"a\": 2}", "config.json:1:"},
        {"[]", "expected a set of options"},
        {"", "config.json:1:0: "},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *scratch CLEANUP_SCRATCH = scratch_new();
        char *path CLEANUP_FREE = scratch_path(scratch, "config.json");
        struct config config CLEANUP_CONFIG = {0};
        struct error e CLEANUP_ERROR = {0};

        scratch_write(scratch, "config.json", cases[i].text);
        assert_int_equal(config_add_file(&config, path, &e), -EINVAL);
        assert_error_names(e, cases[i].words);
    }
}

static void the_table_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < schema_option_count; i++) {
        const struct option *option = &schema_options[i];
        const struct option *first = option_find(schema_options, schema_option_count, option->name);

        assert_ptr_equal(first, option); /* no name twice */
        assert_non_null(option->help);
        assert_true(!option->compute || option->shown);
        if (option->alias_of)
            assert_true(option_find(schema_options, schema_option_count, option->alias_of) >
                        option);
        if (option->value) {
            json_t *value = json_loads(option->value, JSON_DECODE_ANY, NULL);

            assert_true(type_accepts(option->type, value));
            json_decref(value);
        }
    }
}

/* A default is taken without being merged: merging it must give the same, and find nothing wrong.
 */
static void defaults_are_values_of(const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        const struct type *type = option->type->element ? option->type->element : option->type;
        json_t *value = option->value ? json_loads(option->value, JSON_DECODE_ANY, NULL) : NULL;
        const struct source source = {.name = NULL};
        struct definition d = {.value = value, .source = &source};
        const struct definitions one = {.items = &d, .count = 1};
        const struct position place = {.name = option->name};
        struct config config CLEANUP_CONFIG = {0};

        if (value) {
            struct resolved merged = resolve_definitions(&config, &place, option->type, &one);

            assert_int_equal(config.problems.count, 0);
            assert_true(json_equal(merged.value, value));
            json_decref(merged.value);
        }
        json_decref(value);
        defaults_are_values_of(type->options, type->option_count);
    }
}

static void a_default_is_what_merging_it_gives(void **state)
{
    (void)state;
    defaults_are_values_of(schema_options, schema_option_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_specifications),
        cmocka_unit_test(the_name_names_the_files),
        cmocka_unit_test(priorities_decide),
        cmocka_unit_test(lists_append_to_the_built_in_entries),
        cmocka_unit_test(the_old_name_of_an_option_is_followed_with_a_warning),
        cmocka_unit_test(sets_are_merged_by_name),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(numbers_have_ranges),
        cmocka_unit_test(sizes_may_have_units),
        cmocka_unit_test(every_problem_is_reported_once),
        cmocka_unit_test(options_of_nixos_that_are_not_ours_are_left_alone),
        cmocka_unit_test(json_that_cannot_be_read_is_an_error_with_its_place),
        cmocka_unit_test(the_table_is_in_order),
        cmocka_unit_test(a_default_is_what_merging_it_gives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
