/* SPDX-License-Identifier: MIT */
/* Settings without effect, variables that are not set, and ~. */
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define FORCE(content) "{\"_type\": \"override\", \"priority\": 50, \"content\": " content "}"
#define SHARE(source)                                                                              \
    VM("\"sharedDirectories\": {\"s\": {\"source\": \"" source "\", "                              \
       "\"target\": \"/s\"}}")
#define HAS_NO_EFFECT "has no effect"

/* Returns the number of warnings that contain the text. */
static size_t count_warnings(const struct planned *p, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < p->plan.warnings.count; i++)
        count += strstr(p->plan.warnings.items[i], text) != NULL;
    return count;
}

static void assert_warned(const char *json, const char *const *environment, const char *append,
                          const char *text)
{
    struct planned p CLEANUP_PLANNED;

    planned_init(&p);
    scratch_write(p.scratch, "old.img", "an image");
    if (append)
        strv_push(&p.options.append, append);
    planned_make(&p, json, environment);
    planned_expect_success(&p);
    char *all CLEANUP_FREE = strv_join(&p.plan.warnings, "\n");

    if (count_warnings(&p, HAS_NO_EFFECT) != (text ? 1 : 0) ||
        (text && count_warnings(&p, text) != 1))
        fail_msg("%s: expected %s, got:\n%s", json, text ? text : "nothing", all);
}

static void a_setting_without_effect_says_so_in_a_line(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const parameters[] = {"QEMU_KERNEL_PARAMS=quiet", NULL};
    static const char *const variables[] = {"NIX_EFI_VARS=x.fd", NULL};
    static const char *const no_options = VM("\"qemu\": {\"options\": " FORCE("[]") "}");
    const char *boot_loader = VM("\"useBootLoader\": true");

    (void)state;
    assert_warned(VM("\"diskImage\": \"old.img\", \"diskSize\": 5"), none, NULL,
                  "config.json: virtualisation.diskSize has no effect: /");
    assert_warned(VM("\"diskImage\": \"old.img\""), none, NULL, NULL);
    assert_warned(VM("\"diskImage\": \"new.img\", \"diskSize\": 5"), none, NULL, NULL);
    assert_warned(VM("\"diskImage\": null, \"diskSize\": 5"), none, NULL, "diskImage is null");
    assert_warned(VM("\"diskImage\": null, \"diskSize\": \"auto\""), none, NULL,
                  "config.json: virtualisation.diskSize has no effect: virtualisation.diskImage");
    assert_warned(VM("\"diskImage\": null, \"diskSize\": null"), none, NULL, NULL);
    assert_warned(boot_loader, none, "quiet", "command line: --append has no effect");
    assert_warned(boot_loader, parameters, NULL, "environment: QEMU_KERNEL_PARAMS has no effect");
    assert_warned("{\"runVm\": {\"stripModules\": true, \"initrd\": \"system\"}}", none, NULL,
                  "config.json: runVm.stripModules has no effect: the initrd is the system's own");
    assert_warned("{\"runVm\": {\"stripModules\": true}, \"virtualisation\": "
                  "{\"useBootLoader\": true}}",
                  none, NULL,
                  "config.json: runVm.stripModules has no effect: QEMU is given no initrd");
    assert_warned(no_options, parameters, NULL, "virtualisation.qemu.options has been replaced");
    assert_warned(VM(""), parameters, "quiet", NULL);
    assert_warned("{\"boot\": {\"kernelParams\": [\"a=1\", \"loglevel=4\"]}}", none, NULL,
                  "config.json: boot.kernelParams: a=1 has no effect");
    assert_warned("{\"boot\": {\"kernelParams\": [\"a=1\"]}}", none, "a=1", NULL);
    assert_warned(
        VM("\"graphics\": false, \"resolution\": {\"x\": 1, \"y\": 2}"), none, NULL,
        "config.json: virtualisation.resolution has no effect: virtualisation.graphics is "
        "false.");
    assert_warned(VM("\"resolution\": {\"x\": 1, \"y\": 2}"), none, NULL, NULL);
    assert_warned(VM("\"writableStore\": false, \"writableStoreUseTmpfs\": false"), none, NULL,
                  "virtualisation.writableStore is false");
    assert_warned(VM("\"efiVars\": \"x.fd\""), none, NULL, "virtualisation.useEFIBoot is false");
    assert_warned("{}", variables, NULL, "environment: NIX_EFI_VARS has no effect");
}

#define FOREIGN    "\"virtualisation\": {\"directBoot\": {\"enable\": false}}"
#define NOT_DIRECT "has no effect: virtualisation.directBoot.enable is false"

static void what_is_for_another_way_to_boot_says_so(void **state)
{
    static const struct {
        const char *json;
        const char *warning;
    } cases[] = {
        {"{\"runVm\": {\"kernel\": \"bzImage\"}, " FOREIGN "}", "runVm.kernel " NOT_DIRECT},
        {"{\"runVm\": {\"kernelSelfTests\": true}, " FOREIGN "}",
         "runVm.kernelSelfTests " NOT_DIRECT},
        {"{\"runVm\": {\"initrd\": \"builtin\"}, " FOREIGN "}", "runVm.initrd " NOT_DIRECT},
        {"{\"boot\": {\"initrd\": {\"kernelModules\": [\"a\"]}}, " FOREIGN "}",
         "boot.initrd.kernelModules " NOT_DIRECT},
        {"{" FOREIGN "}", NULL},
        {"{\"runVm\": {\"kernel\": \"bzImage\"}, \"virtualisation\": {\"directBoot\": "
         "{\"enable\": true}, \"useBootLoader\": true}}",
         "useBootLoader has no effect on what boots"},
        {"{\"runVm\": {\"kernel\": \"bzImage\"}, \"virtualisation\": {\"useBootLoader\": true}}",
         "runVm.kernel has no effect: virtualisation.useBootLoader is true"},
        {VM("\"useBootLoader\": true, \"useBIOSBoot\": true"),
         "useBIOSBoot has no effect: runVm.release is \"22.11\""},
        {"{\"runVm\": {\"release\": \"23.11\"}, \"virtualisation\": {\"useBootLoader\": true, "
         "\"useBIOSBoot\": true}}",
         NULL},
        {"{\"runVm\": {\"initrd\": \"builtin\"}, \"virtualisation\": {\"directBoot\": "
         "{\"initrd\": \"/dev/null\"}}}",
         "runVm.initrd has no effect: virtualisation.directBoot.initrd is set"},
        {VM("\"bootLoaderDevice\": \"/dev/vda\""),
         "bootLoaderDevice has no effect: virtualisation.useBootLoader is false"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_warned(cases[i].json, (const char *const[]){NULL}, NULL, cases[i].warning);
}

static void what_is_for_a_store_that_is_not_mounted_says_so(void **state)
{
    static const char *const none[] = {NULL};

    (void)state;
    assert_warned(VM("\"mountHostNixStore\": false, \"writableStore\": true"), none, NULL,
                  "writableStore has no effect: virtualisation.mountHostNixStore is false");
    assert_warned(VM("\"mountHostNixStore\": false, \"writableStore\": false"), none, NULL, NULL);
    assert_warned(VM("\"mountHostNixStore\": false, \"additionalPaths\": [\"/nix/store/a\"]"), none,
                  NULL, "additionalPaths has no effect: virtualisation.mountHostNixStore is false");
    assert_warned(VM("\"mountHostNixStore\": false"), none, NULL, NULL);
}

/* The problem of a configuration that names a variable NO that is not set, EMPTY, which is empty,
 * or
 * ~. NULL: it has none. */
static void assert_refused(const char *json, const char *problem, const char *variable)
{
    const char *environment[] = {"HOME=/home/me", "EMPTY=", variable, NULL};
    struct planned p CLEANUP_PLANNED;

    planned_init(&p);
    planned_make(&p, json, environment);
    if (!problem) {
        planned_expect_success(&p);
        return;
    }
    planned_expect_problem(&p, problem, NULL);
    assert_int_equal(p.config.problems.count, 1);
}

static void a_variable_that_is_not_set_makes_no_path(void **state)
{
    (void)state;
    assert_refused(SHARE("$NO/x"), "sharedDirectories.s.source: \"$NO/x\" names the variable NO",
                   NULL);
    assert_refused(SHARE("/a/${NO}"), "names the variable NO, which is not set", NULL);
    assert_refused(SHARE("$EMPTY/x"), "names the variable EMPTY, which is empty", NULL);
    assert_refused(SHARE("\\\"$NO\\\"/x"), "names the variable NO", NULL);
    assert_refused(SHARE("${NO:-}/x"), NULL, NULL);
    assert_refused(SHARE("${NO-/y}/x"), NULL, NULL);
    assert_refused(SHARE("${NO:+$NO/}/x"), NULL, NULL);
    assert_refused(SHARE("/y$EMPTY"), NULL, NULL);
    assert_refused(VM("\"diskImage\": \"$NO.qcow2\""), "virtualisation.diskImage: \"$NO.qcow2\"",
                   NULL);
    assert_refused(VM("\"qemu\": {\"drives\": [{\"file\": \"$NO/x.qcow2\"}]}"),
                   "virtualisation.qemu.drives.<entry 1>.file: ", NULL);
    assert_refused(VM("\"qemu\": {\"options\": [\"-drive file=$NO/x\"]}"),
                   "virtualisation.qemu.options.<entry 1>: ", NULL);
    assert_refused(VM("\"qemu\": {\"options\": [\"-x $NO \\\"$NO\\\"\"]}"), NULL, NULL);
}

static void a_tilde_is_never_a_directory(void **state)
{
    struct planned p CLEANUP_PLANNED;
    const char *environment[] = {"HOME=/home/me", NULL};

    (void)state;
    assert_refused(VM("\"diskImage\": \"~/x.qcow2\""), "virtualisation.diskImage: ", NULL);
    assert_refused("{}", "environment: NIX_DISK_IMAGE: \"~\" begins with ~", "NIX_DISK_IMAGE=~");
    assert_refused("{}", "environment: SHARED_DIR: ", "SHARED_DIR=~/x");
    assert_refused("{}", "environment: TMPDIR: ", "TMPDIR=~/x");
    assert_refused(SHARE("~else/x"), "sharedDirectories.s.source: \"~else/x\" begins", NULL);
    planned_init(&p);
    planned_make(&p, SHARE("~/a b"), environment);
    planned_expect_success(&p);
    for (size_t i = 0; planned_argument(&p, "-virtfs", i); i++)
        if (strstr(planned_argument(&p, "-virtfs", i), "path=/home/me/a b,"))
            return;
    fail_msg("no share of /home/me/a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_without_effect_says_so_in_a_line),
        cmocka_unit_test(what_is_for_another_way_to_boot_says_so),
        cmocka_unit_test(what_is_for_a_store_that_is_not_mounted_says_so),
        cmocka_unit_test(a_variable_that_is_not_set_makes_no_path),
        cmocka_unit_test(a_tilde_is_never_a_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
