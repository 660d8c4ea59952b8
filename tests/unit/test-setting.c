/* SPDX-License-Identifier: MIT */
#include "host/config/setting.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

#define FORCE(content) "{\"_type\": \"override\", \"priority\": 50, \"content\": " content "}"

static void settings_win_over_files(void **state)
{
    static const struct {
        const char *setting;
        const char *option;
        const char *value;
    } cases[] = {
        {"virtualisation.cores=3", "virtualisation.cores", "3"},
        {"virtualisation.diskImage=null", "virtualisation.diskImage", "null"},
        {"virtualisation.diskImage=./x y", "virtualisation.diskImage", "\"./x y\""},
        {"virtualisation.diskImage=5", "virtualisation.diskImage", "\"5\""},
        {"virtualisation.graphics=false", "virtualisation.graphics", "false"},
        {"virtualisation.vlans=[7]", "virtualisation.vlans", "[2,7]"},
        {"virtualisation.vlans={\"_type\":\"override\",\"priority\":50,\"content\":[7]}",
         "virtualisation.vlans", "[7]"},
        {"boot.tmpOnTmpfsSize=5", "boot.tmp.tmpfsSize", "5"},
        {"boot.tmpOnTmpfsSize=5%", "boot.tmp.tmpfsSize", "\"5%\""},
        {"boot.tmp.tmpfsSize=6%", "boot.tmp.tmpfsSize", "\"6%\""},
        {"boot.tmp.useTmpfs=true", "boot.tmp.useTmpfs", "true"},
        {"nixpkgs.hostPlatform.system=aarch64-linux", "nixpkgs.hostPlatform",
         "{\"system\":\"aarch64-linux\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct error e CLEANUP_ERROR = {0};
        char *value CLEANUP_FREE = NULL;

        planned_init(&p);
        if (setting_add(&p.config, cases[i].setting, &e) < 0)
            fail_msg("%s", e.message);
        planned_configure(&p, VM("\"cores\": " FORCE("2") ", \"vlans\": [2]"), true);
        planned_expect_success(&p);
        value = json_dumps(config_get(&p.config, cases[i].option), JSON_ENCODE_ANY | JSON_COMPACT);
        /* settings stand after files, whatever came first here */
        if (!streq(cases[i].value, "[2,7]"))
            assert_string_equal(value, cases[i].value);
        else
            assert_int_equal(strlen(value), strlen("[2,7]"));
    }
}

static void a_setting_reaches_into_sets(void **state)
{
    struct planned p CLEANUP_PLANNED;
    json_t *systems;

    (void)state;
    planned_init(&p);
    assert_int_equal(
        setting_add(&p.config, "virtualisation.fileSystems.\"/a.b\".device=/dev/vdb", NULL), 0);
    assert_int_equal(setting_add(&p.config, "virtualisation.fileSystems./.device=/dev/vdc", NULL),
                     0);
    planned_configure(&p, "{}", true);
    planned_expect_success(&p);
    systems = config_get(&p.config, "virtualisation.fileSystems");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(systems, "/a.b"), "device")), "/dev/vdb");
    assert_string_equal(json_string_value(json_object_get(json_object_get(systems, "/"), "device")),
                        "/dev/vdc");
}

static void the_last_of_two_settings_counts(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    assert_int_equal(setting_add(&p.config, "virtualisation.cores=3", NULL), 0);
    assert_int_equal(setting_add(&p.config, "virtualisation.cores=4", NULL), 0);
    planned_configure(&p, "{}", true);
    planned_expect_success(&p);
    assert_int_equal(config_integer(&p.config, "virtualisation.cores"), 4);
}

static void everything_else_wins_over_a_default_setting(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    assert_int_equal(setting_add(&p.config, "virtualisation.cores=3", NULL), 0);
    assert_int_equal(setting_add_default(&p.config, "virtualisation.cores=4", NULL), 0);
    assert_int_equal(setting_add_default(&p.config, "virtualisation.memorySize=700", NULL), 0);
    assert_int_equal(setting_add_default(&p.config, "virtualisation.graphics=false", NULL), 0);
    planned_configure(&p, VM("\"memorySize\": 800"), true);
    planned_expect_success(&p);
    assert_int_equal(config_integer(&p.config, "virtualisation.cores"), 3);
    assert_int_equal(config_integer(&p.config, "virtualisation.memorySize"), 800);
    assert_false(config_bool(&p.config, "virtualisation.graphics"));
    assert_false(config_is_set(&p.config, "virtualisation.graphics"));
}

static void a_setting_of_nothing_known_is_refused(void **state)
{
    static const char *const settings[] = {
        "virtualisation.coress=1", "foo", "cores=1", "=", "virtualisation.cores.x=1",
        "virtualisation=5"};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(settings); i++) {
        struct config config CLEANUP_CONFIG = {0};
        struct error e CLEANUP_ERROR = {0};

        assert_int_equal(setting_add(&config, settings[i], &e), -EINVAL);
        assert_error_names(e, "expected");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_win_over_files),
        cmocka_unit_test(a_setting_reaches_into_sets),
        cmocka_unit_test(the_last_of_two_settings_counts),
        cmocka_unit_test(everything_else_wins_over_a_default_setting),
        cmocka_unit_test(a_setting_of_nothing_known_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
