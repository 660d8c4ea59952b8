/* SPDX-License-Identifier: MIT */
/* Starts from a snapshot (runVm.warmStart): which machines can have one, and which ones share it.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/frozenargv.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

/* A configuration of a machine without a disk, and more options of virtualisation. */
#define DISKLESS(content)                                                                          \
    "{\"runVm\": {\"warmStart\": true, \"guestNetwork\": true}, \"virtualisation\": "              \
    "{\"graphics\": false, \"diskImage\": null, \"qemu\": {\"forceAccel\": false}" content "}}"

/* The same with one drive. */
#define WITH_DRIVE(file, cache)                                                                    \
    "{\"runVm\": {\"warmStart\": true}, \"virtualisation\": {\"graphics\": false, \"diskImage\": " \
    "null, \"qemu\": {\"forceAccel\": false, \"drives\": [{\"name\": \"d\", \"file\": \"" file     \
    "\", \"driveExtraOpts\": {\"cache\": \"" cache "\", \"format\": \"raw\"}, "                    \
    "\"deviceExtraOpts\": {\"serial\": \"s\"}}]}}}"

static void plan_command(struct planned *p, const char *json, const char *const *environment)
{
    planned_init(p);
    p->options.accel = ACCEL_TCG;
    strv_push(&p->options.exec.arguments, "true");
    planned_make(p, json, environment);
    planned_expect_success(p);
}

static bool has_word(const struct planned *p, const char *word)
{
    return strv_contains(&p->plan.kernel_params, word);
}

static void a_plain_machine_of_a_command_waits_for_its_run(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    plan_command(&p, DISKLESS(""), planned_no_environment);
    assert_null(p.plan.warm_obstacle);
    assert_true(p.plan.warm);
    assert_true(has_word(&p, "vm.warm"));
}

static void nothing_is_warm_unasked_or_without_a_command(void **state)
{
    struct planned unasked CLEANUP_PLANNED;
    struct planned system CLEANUP_PLANNED;

    (void)state;
    plan_command(&unasked, VM("\"graphics\": false, \"diskImage\": null"), planned_no_environment);
    planned_new(&system, DISKLESS(""), planned_no_environment);
    planned_expect_success(&system);
    assert_false(unasked.plan.warm || has_word(&unasked, "vm.warm"));
    assert_false(system.plan.warm || has_word(&system, "vm.warm"));
    assert_null(unasked.plan.warm_obstacle);
    assert_null(system.plan.warm_obstacle);
}

static void a_machine_that_a_snapshot_must_not_know_is_cold_and_says_why(void **state)
{
    static const char *const opts[] = {"QEMU_OPTS=-m 64", NULL};
    static const char *const net[] = {"QEMU_NET_OPTS=hostfwd=tcp::1-:1", NULL};
    static const struct {
        const char *json;
        const char *const *environment;
        const char *reason;
    } cases[] = {
        {"{\"runVm\": {\"warmStart\": true}, \"virtualisation\": {\"graphics\": false, \"qemu\": "
         "{\"diskInterface\": \"scsi\"}}}",
         planned_no_environment, "diskInterface"},
        {DISKLESS(", \"tpm\": {\"enable\": false}, \"credentials\": {\"a\": {\"text\": \"b\"}}"),
         planned_no_environment, "credentials"},
        {DISKLESS(""), opts, "QEMU_OPTS"},
        {DISKLESS(""), net, "QEMU_NET_OPTS"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        plan_command(&p, cases[i].json, cases[i].environment);
        assert_false(p.plan.warm || has_word(&p, "vm.warm"));
        assert_non_null(p.plan.warm_obstacle);
        assert_non_null(strstr(p.plan.warm_obstacle, cases[i].reason));
    }
}

/* Returns the texts that tell a plan's machine from others, in one; the caller frees. */
static char *fingerprint(const char *json)
{
    struct planned p CLEANUP_PLANNED;
    struct strv texts CLEANUP_STRV = {0};

    plan_command(&p, json, planned_no_environment);
    frozenargv_fingerprint(&p.plan.machine, &texts);
    char *all = strv_join(&texts, " ");
    /* the system is in a directory of each plan's own */
    for (char *at; (at = strstr(all, p.scratch));)
        (void)memset(at, '*', strlen(p.scratch));
    return all;
}

static void only_what_the_guest_can_see_tells_two_machines_apart(void **state)
{
    static const struct {
        const char *json;
        bool same;
    } cases[] = {
        {DISKLESS(""), true},
        {DISKLESS(", \"sharedDirectories\": {\"s\": {\"source\": \"/var\", \"target\": \"/s\"}}"),
         true},
        {DISKLESS(", \"forwardPorts\": [{\"host\": {\"port\": 1025}, \"guest\": {\"port\": 1}}], "
                  "\"sharedDirectories\": {\"s\": {\"source\": \"/usr\", \"target\": \"/s\"}}"),
         true},
        {DISKLESS(", \"sharedDirectories\": {\"s\": {\"source\": \"/usr\", \"target\": \"/t\"}}"),
         false},
        {DISKLESS(", \"cores\": 2, \"sharedDirectories\": {\"s\": {\"source\": \"/usr\", "
                  "\"target\": \"/s\"}}"),
         false},
        {DISKLESS(", \"memorySize\": 512, \"sharedDirectories\": {\"s\": {\"source\": \"/usr\", "
                  "\"target\": \"/s\"}}"),
         false},
    };
    char *plain CLEANUP_FREE = fingerprint(cases[0].json);
    char *first CLEANUP_FREE = fingerprint(cases[1].json);

    (void)state;
    assert_string_not_equal(plain, first);
    for (size_t i = 1; i < ELEMENTS(cases); i++) {
        char *other CLEANUP_FREE = fingerprint(cases[i].json);

        assert_int_equal(streq(first, other), cases[i].same);
    }
}

/* A user's options of a drive may say what is in it, and its image is the run's. */
static void
a_disk_is_blank_while_its_machine_is_made_and_its_image_tells_nothing_apart(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct strv made CLEANUP_STRV = {0};
    struct strv continued CLEANUP_STRV = {0};
    char *first CLEANUP_FREE = fingerprint(WITH_DRIVE("/etc/passwd", "writeback"));
    char *second CLEANUP_FREE = fingerprint(WITH_DRIVE("/etc/group", "none"));

    (void)state;
    plan_command(&p, WITH_DRIVE("/etc/passwd", "writeback"), planned_no_environment);
    assert_true(p.plan.warm);
    frozenargv_write(&p.plan.machine, "/m", 1024, true, &made);
    frozenargv_write(&p.plan.machine, "/m", 1024, false, &continued);
    assert_true(strv_contains(
        &made, "file=null-co://,file.read-zeroes=on,format=raw,id=drive1,if=none,index=1"));
    assert_true(strv_contains(
        &continued, "cache=writeback,file=/etc/passwd,format=raw,id=drive1,if=none,index=1"));
    assert_true(strv_contains(&made, "virtio-blk-pci,drive=drive1,serial=s"));
    assert_string_equal(first, second);
}

static void only_the_run_has_the_forwarded_ports(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct strv made CLEANUP_STRV = {0};
    struct strv continued CLEANUP_STRV = {0};

    (void)state;
    plan_command(&p,
                 DISKLESS(", \"forwardPorts\": [{\"host\": {\"port\": 1025}, \"guest\": "
                          "{\"port\": 1}}]"),
                 planned_no_environment);
    frozenargv_write(&p.plan.machine, "/m", 1024, true, &made);
    frozenargv_write(&p.plan.machine, "/m", 1024, false, &continued);
    char *while_made CLEANUP_FREE = strv_join(&made, " ");
    char *run CLEANUP_FREE = strv_join(&continued, " ");
    assert_null(strstr(while_made, "hostfwd="));
    assert_non_null(strstr(run, "hostfwd="));
}

static void a_machine_is_made_on_shared_memory_and_continues_on_its_own(void **state)
{
    struct planned p CLEANUP_PLANNED;
    struct strv made CLEANUP_STRV = {0};
    struct strv continued CLEANUP_STRV = {0};

    (void)state;
    plan_command(&p, DISKLESS(""), planned_no_environment);
    frozenargv_write(&p.plan.machine, "/a,b", 1024, true, &made);
    frozenargv_write(&p.plan.machine, "/a,b", 1024, false, &continued);
    assert_true(strv_contains(
        &made, "memory-backend-file,id=run-vm-frozen,size=1024,mem-path=/a,,b,share=on"));
    assert_true(strv_contains(
        &continued, "memory-backend-file,id=run-vm-frozen,size=1024,mem-path=/a,,b,share=off"));
    assert_true(strv_contains(&made, "-kernel") && !strv_contains(&made, "-incoming"));
    assert_true(strv_contains(&continued, "-incoming") && !strv_contains(&continued, "-kernel"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_machine_of_a_command_waits_for_its_run),
        cmocka_unit_test(nothing_is_warm_unasked_or_without_a_command),
        cmocka_unit_test(a_machine_that_a_snapshot_must_not_know_is_cold_and_says_why),
        cmocka_unit_test(only_what_the_guest_can_see_tells_two_machines_apart),
        cmocka_unit_test(
            a_disk_is_blank_while_its_machine_is_made_and_its_image_tells_nothing_apart),
        cmocka_unit_test(only_the_run_has_the_forwarded_ports),
        cmocka_unit_test(a_machine_is_made_on_shared_memory_and_continues_on_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
