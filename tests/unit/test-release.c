/* SPDX-License-Identifier: MIT */
#include "host/config/release.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/option.h"
#include "host/config/schema.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static bool same_defaults(const struct release *a, const struct release *b)
{
    return a->writable_follows_host == b->writable_follows_host &&
           a->root_by_label == b->root_by_label && streq(a->store_target, b->store_target) &&
           streq(a->store_upper, b->store_upper) && streq(a->security_model, b->security_model) &&
           a->shares_writable == b->shares_writable && streq(a->transport, b->transport) &&
           a->arm_display == b->arm_display;
}

static bool has_changes(const char *name)
{
    for (size_t i = 0; i < release_change_count; i++)
        if (streq(release_changes[i].since, name))
            return true;
    return false;
}

/* The manual's sentences and the rows that the program uses are of the same releases. */
static void the_manual_has_each_change(void **state)
{
    size_t with_changes = 0;

    (void)state;
    for (size_t i = 0; release_names[i]; i++) {
        const struct release *release = release_find(release_names[i]);

        assert_string_equal(release->name, release_names[i]);
        if (i == 0)
            continue;
        const struct release *before = release_find(release_names[i - 1]);
        if (same_defaults(before, release) == has_changes(release->name))
            fail_msg("%s: the rows and the changes disagree", release->name);
        with_changes += has_changes(release->name);
    }
    assert_int_equal(with_changes, 4);
}

static void the_type_names_each_release(void **state)
{
    const struct option *option = option_find(schema_options, schema_option_count, "runVm.release");

    (void)state;
    for (size_t i = 0; release_names[i]; i++) {
        char *quoted CLEANUP_FREE = xasprintf("\"%s\"", release_names[i]);

        if (!strstr(option->type->name, quoted))
            fail_msg("%s is not in \"%s\"", quoted, option->type->name);
    }
}

static void the_release_is_decoded(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p, "{}", false);
    assert_string_equal(p.config.release->name, "22.11");
    assert_string_equal(p.config.release->transport, "9p");

    struct planned today CLEANUP_PLANNED;
    planned_init(&today);
    planned_configure(&today, "{\"runVm\": {\"release\": \"26.11\"}}", false);
    planned_expect_success(&today);
    assert_true(today.config.release->root_by_label);
    assert_false(today.config.release->shares_writable);
}

static void an_unknown_release_is_an_error(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_configure(&p, "{\"runVm\": {\"release\": \"26.10\"}}", false);
    planned_expect_problem(&p, "runVm.release: is \"26.10\", expected one of \"22.11\", \"23.05\"",
                           "\"26.11\"", NULL);
    planned_free(&p);
    planned_init(&p);
    planned_configure(&p, "{\"runVm\": {\"release\": 26.11}}", false);
    planned_expect_problem(&p, "runVm.release: is 26.11, expected one of \"22.11\"", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_has_each_change),
        cmocka_unit_test(the_type_names_each_release),
        cmocka_unit_test(the_release_is_decoded),
        cmocka_unit_test(an_unknown_release_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
