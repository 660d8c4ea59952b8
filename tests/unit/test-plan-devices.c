/* SPDX-License-Identifier: MIT */
/* The devices of a plan: shares, network cards, and what the user's own options for QEMU replace.
 */
#include <string.h>

#include "common/alloc.h"
#include "host/plan.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static const char *const no_environment[] = {NULL};

static void make(struct planned *p, const char *json, const char *const *environment)
{
    planned_init(p);
    planned_make(p, json, environment);
}

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
        make(&p, json, no_environment);
        planned_expect_success(&p);
        assert_int_equal(count_with(&p, "-virtfs", ",multidevs=remap") +
                             count_with(&p, "-fsdev", ",multidevs=remap"),
                         23);
        assert_true(count_with(&p, "-fsdev", "run-vm-fs") > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_9p_export_numbers_the_files_of_several_filesystems_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
