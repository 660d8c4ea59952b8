/* SPDX-License-Identifier: MIT */
#include "host/config/config.h"

#include <string.h>

#include "base/alloc.h"
#include "host/config/resolve.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* A configuration of several sources, "0.json", "1.json" … */
static void configure(struct config *config, const char *const *texts)
{
    for (size_t i = 0; texts[i]; i++) {
        char *name CLEANUP_FREE = xasprintf("%zu.json", i);
        json_t *tree = json_loads(texts[i], 0, NULL);

        assert_non_null(tree);
        config_add_tree(config, name, tree);
    }
    (void)resolve_config(config);
}

static void assert_problem(const struct config *config, const char *problem)
{
    char *all CLEANUP_FREE = strv_join(&config->problems, "\n");

    if (!strstr(all, problem))
        fail_msg("%s is not among: %s", problem, all);
}

#define SHARE(name, target) "\"" name "\": {\"source\": \"/s\", \"target\": \"" target "\"}"
#define SHARES(content)     "{\"virtualisation\": {\"sharedDirectories\": {" content "}}}"
#define FORCE(content)      "{\"_type\": \"override\", \"priority\": 50, \"content\": " content "}"

static void the_last_definition_that_wins_is_named(void **state)
{
    static const struct {
        const char *texts[4];
        const char *option, *name;
    } cases[] = {
        {{VM("\"bootDevice\": \"/dev/a\""), "{\"virtualisation\": {}}"},
         "virtualisation.rootDevice",
         "0.json: virtualisation.bootDevice"},
        {{"{\"boot\": {\"tmp\": {\"tmpfsSize\": \"1%\"}}}",
          "{\"boot\": {\"tmpOnTmpfsSize\": " FORCE("\"2%\"") "}}", "{\"boot\": {}}"},
         "boot.tmp.tmpfsSize",
         "1.json: boot.tmpOnTmpfsSize"},
        {{"{\"boot\": {\"tmp\": {\"tmpfsSize\": \"1%\"}}}",
          "{\"boot\": {\"tmpOnTmpfsSize\": \"1%\"}}"},
         "boot.tmp.tmpfsSize",
         "1.json: boot.tmpOnTmpfsSize"},
        {{"{\"boot\": {\"tmp\": {\"tmpfsSize\": " FORCE("\"1%\"") "}}}",
          "{\"boot\": {\"tmpOnTmpfsSize\": \"2%\"}}"},
         "boot.tmp.tmpfsSize",
         "0.json: boot.tmp.tmpfsSize"},
        {{"{\"system\": {\"name\": \"a\"}}", "{\"system\": {\"name\": \"a\"}}"},
         "system.name",
         "1.json: system.name"},
        {{"{\"system\": {\"name\": " FORCE("\"a\"") "}}", "{\"system\": {\"name\": \"b\"}}"},
         "system.name",
         "0.json: system.name"},
        {{"{}", "{\"system\": " FORCE("{\"name\": \"a\"}") "}", "{}"},
         "system.name",
         "1.json: system.name"},
        {{"{}", "{\"system\": {\"build\": {}}}"}, "system.name", "1.json: system.name"},
        {{"{}", "{\"virtualisation\": {}}"}, "nix.enable", "0.json: nix.enable"},
        {{SHARES(SHARE("a", "/a")), SHARES(SHARE("b", "/b"))},
         "virtualisation.sharedDirectories.a.source",
         "0.json: virtualisation.sharedDirectories.a.source"},
        {{SHARES(SHARE("a.b", "/a")), SHARES(SHARE("b", "/b"))},
         "virtualisation.sharedDirectories.a.b.source",
         "0.json: virtualisation.sharedDirectories.a.b.source"},
        {{"{\"virtualisation\": {\"vlans\": [1, 2]}}", "{\"virtualisation\": {\"vlans\": [3]}}",
          "{}"},
         "virtualisation.vlans.<entry 3>",
         "1.json: virtualisation.vlans.<entry 1>"},
        {{"{\"virtualisation\": {\"qemu\": {\"networkingOptions\": [\"-x\"]}}}",
          "{\"virtualisation\": {\"qemu\": {\"networkingOptions\": [\"-y\", \"-z\"]}}}"},
         "virtualisation.qemu.networkingOptions.<entry 5>",
         "1.json: virtualisation.qemu.networkingOptions.<entry 2>"},
        {{"{}"}, "--kernel", "command line: --kernel"},
        {{"{}"}, "QEMU_OPTS", "environment: QEMU_OPTS"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct config config CLEANUP_CONFIG = {0};

        configure(&config, cases[i].texts);
        char *name CLEANUP_FREE = config_origin_name(&config, cases[i].option);

        assert_string_equal(name, cases[i].name);
    }
}

static void the_source_of_a_conflict_is_the_later_one(void **state)
{
    static const struct {
        const char *texts[4];
        const char *problem;
    } cases[] = {
        {{"{\"system\": {\"name\": \"good\"}}", SHARES(SHARE("a", "/x") "," SHARE("b", "/x")),
          "{}"},
         "1.json: virtualisation.sharedDirectories: shares a and b"},
        {{SHARES(SHARE("b", "/x")), SHARES(SHARE("a", "/x")), SHARES(SHARE("c", "/c"))},
         "1.json: virtualisation.sharedDirectories: shares a and b"},
        {{"{}", SHARES(SHARE("xchg", "/x"))},
         "1.json: virtualisation.sharedDirectories.xchg.target: has conflicting"},
        {{SHARES(SHARE("a", "/x")), SHARES(SHARE("a", "/y"))},
         "1.json: virtualisation.sharedDirectories.a.target: has conflicting"},
        {{"{}", SHARES("\"a\": {\"source\": \"/s\"}")},
         "1.json: virtualisation.sharedDirectories.a.target: is not set"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct config config CLEANUP_CONFIG = {0};

        configure(&config, cases[i].texts);
        assert_problem(&config, cases[i].problem);
    }
}

/* Each of these has one mistake. */
static void what_only_follows_is_not_said(void **state)
{
    static const char *const cases[] = {
        "{\"virtualisation\": {\"diskImage\": \"no/such/x\"}}",
        "{\"virtualisation\": {\"diskImage\": \"$(x)\"}}",
        "{\"system\": {\"name\": \"$(x)\"}}",
        "{\"virtualisation\": {\"qemu\": {\"drives\": \"x\"}, \"useNixStoreImage\": true}}",
        "{\"virtualisation\": {\"qemu\": {\"drives\": [{\"fle\": \"x\"}]}}}",
        SHARES("\"a\": {\"sorce\": \"/s\", \"target\": \"/x\"}"),
        "{\"virtualisation\": {\"forwardPorts\": [{\"host\": {\"prt\": 1}, \"guest\": {\"port\": "
        "2}}]}}",
        "{\"nixpkgs\": {\"hostPlatform\": " FORCE("{\"sys\": \"x\"}") "}}",
        "{\"virtualisation\": {\"qemu\": {\"package\": " FORCE("\"/nonexistent\"") "}}}",
        "{\"system\": {\"build\": {\"toplevel\": " FORCE("\"/nonexistent\"") "}}}",
        "{\"runVm\": {\"store\": \"/nonexistent\"}}",
        "{\"virtualisation\": {\"fileSystems\": {\"/\": {\"device\": " FORCE("null") "}}}}",
    };
    const char *environment[] = {NULL};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        planned_make(&p, cases[i], environment);
        char *all CLEANUP_FREE = strv_join(&p.config.problems, "\n");

        if (p.config.problems.count != 1)
            fail_msg("%s: %zu problems:\n%s", cases[i], p.config.problems.count, all);
    }
}

static void parameters_that_the_guest_refuses_are_refused_here(void **state)
{
    const char *environment[] = {"QEMU_KERNEL_PARAMS=quiet vm.bar", NULL};
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    strv_push(&p.options.append, "quiet vm.foo=1");
    strv_push(&p.options.append, "vm.onfail=never");
    planned_make(&p, "{}", environment);
    planned_expect_problem(&p, "command line: --append: vm.foo", "no such parameter", NULL);
    planned_expect_problem(&p, "command line: --append: vm.onfail=never", "poweroff", NULL);
    planned_expect_problem(&p, "environment: QEMU_KERNEL_PARAMS: vm.bar", NULL);
    planned_free(&p);
    planned_init(&p);
    strv_push(&p.options.append, "vm.foo=1");
    planned_make(&p, "{\"runVm\": {\"initrd\": \"system\"}}", environment);
    planned_expect_success(&p); /* these are the system's own initrd's affair */
    planned_free(&p);
    planned_init(&p);
    planned_make(&p,
                 "{\"system\": {\"build\": {\"toplevel\": " FORCE(
                     "null") "}},"
                             " \"boot\": {\"kernelParams\": [\"quiet\", \"vm.msize=0\"]}}",
                 environment + 1);
    planned_expect_problem(&p, "config.json: boot.kernelParams.<entry 2>: vm.msize=0", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_definition_that_wins_is_named),
        cmocka_unit_test(the_source_of_a_conflict_is_the_later_one),
        cmocka_unit_test(what_only_follows_is_not_said),
        cmocka_unit_test(parameters_that_the_guest_refuses_are_refused_here),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
