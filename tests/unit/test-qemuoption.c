/* SPDX-License-Identifier: MIT */
/* QEMU's options as the user gives them, and what run-vm makes of them. */
#include "host/qemuoption.h"

#include <string.h>

#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

#define VM(content) "{\"virtualisation\": {" content "}}"

static const char *const no_environment[] = {NULL};

static void values_are_no_options(void **state)
{
    (void)state;
    struct strv words CLEANUP_STRV = {0};
    strv_split(&words, "-append -daemonize --serial stdio disk.img -S -smp 2 -nographic -m", ' ');
    assert_null(qemu_option_find(&words, "daemonize"));
    assert_string_equal(qemu_option_find(&words, "append"), "-daemonize");
    assert_string_equal(qemu_option_find(&words, "serial"), "stdio");
    assert_string_equal(qemu_option_find(&words, "S"), "");
    assert_string_equal(qemu_option_find(&words, "smp"), "2");
    assert_string_equal(qemu_option_find(&words, "nographic"), "");
    assert_string_equal(qemu_option_find(&words, "m"), "");
}

static void a_list_is_looked_through_by_items(void **state)
{
    (void)state;
    assert_true(qemu_option_has_item("q35,accel=kvm,smm=off", "accel=kvm"));
    assert_true(qemu_option_has_item("stdio", "stdio"));
    assert_true(qemu_option_has_item("stdio,id=x", "stdio"));
    assert_false(qemu_option_has_item("stdiox,id=stdio", "stdio"));
    assert_false(qemu_option_has_item("", "stdio"));
}

static void make(struct planned *p, const char *json, const char *const *environment,
                 const char *argument)
{
    planned_init(p);
    if (argument)
        strv_push(&p->options.qemu_arguments, argument);
    planned_make(p, json, environment);
}

/* Wherever it is said, and however. */
static void a_qemu_that_would_leave_is_refused(void **state)
{
    static const char *const variable[] = {"QEMU_OPTS=-snapshot  --daemonize", NULL};
    static const char *const option[] = {"D=-daemonize", NULL};
    (void)state;
    const struct {
        const char *json;
        const char *const *environment;
        const char *argument;
        const char *source;
    } cases[] = {
        {VM("\"qemu\": {\"options\": [\"-S -daemonize\"]}"), no_environment, NULL,
         "virtualisation.qemu.options"},
        {VM("\"qemu\": {\"options\": [\"$D\"]}"), option, NULL, "virtualisation.qemu.options"},
        {VM("\"qemu\": {\"networkingOptions\": [\"--daemonize\"]}"), no_environment, NULL,
         "virtualisation.qemu.networkingOptions"},
        {"{}", variable, NULL, "QEMU_OPTS"},
        {"{}", no_environment, "--daemonize", "QEMU's arguments"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        make(&p, cases[i].json, cases[i].environment, cases[i].argument);
        planned_expect_problem(&p, cases[i].source, "-daemonize", "systemd-run", NULL);
    }
}

static void what_only_looks_like_it_is_not_refused(void **state)
{
    (void)state;
    struct planned p CLEANUP_PLANNED;
    make(&p, VM("\"qemu\": {\"options\": [\"-name -daemonize -pidfile pid\"]}"), no_environment,
         NULL);
    planned_expect_success(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_no_options),
        cmocka_unit_test(a_list_is_looked_through_by_items),
        cmocka_unit_test(a_qemu_that_would_leave_is_refused),
        cmocka_unit_test(what_only_looks_like_it_is_not_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
