/* SPDX-License-Identifier: MIT */
/* QEMU's options as the user gives them, and what run-vm makes of them. */
#include "host/machine/qemuoption.h"

#include <string.h>

#include "base/cleanup.h"

#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

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

/* Each spelling of -daemonize is refused, in every list of options. */
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
        {VM("\"qemu\": {\"options\": [\"-S -daemonize\"]}"), planned_no_environment, NULL,
         "virtualisation.qemu.options"},
        {VM("\"qemu\": {\"options\": [\"$D\"]}"), option, NULL, "virtualisation.qemu.options"},
        {VM("\"qemu\": {\"networkingOptions\": [\"--daemonize\"]}"), planned_no_environment, NULL,
         "virtualisation.qemu.networkingOptions"},
        {"{}", variable, NULL, "QEMU_OPTS"},
        {"{}", planned_no_environment, "--daemonize", "QEMU's arguments"},
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
    make(&p, VM("\"qemu\": {\"options\": [\"-name -daemonize -pidfile pid\"]}"),
         planned_no_environment, NULL);
    planned_expect_success(&p);
}

/* A text has been found in this many values of an option, or in none. */
static size_t count(const struct planned *p, const char *option, const char *text)
{
    size_t found = 0;
    const char *value = NULL;
    for (size_t i = 0; (value = planned_argument(p, option, i)); i++)
        found += strstr(value, text) != NULL;
    return found;
}

#define NO_GRAPHICS "\"graphics\": false"

/* Consoles and monitors in QEMU_OPTS, and those that run-vm adds to them. */
static void consoles_and_monitors_are_where_nobody_puts_them(void **state)
{
    (void)state;
    const struct {
        const char *json;
        const char *said;
        const char *serial;  /* of -serial; NULL: none of ours */
        const char *chardev; /* of our -chardev */
    } cases[] = {
        {"{}", "QEMU_OPTS=", NULL, "vc,id=run-vm-monitor"},
        {"{}", "QEMU_OPTS=-monitor none", NULL, NULL},
        {"{}", "QEMU_OPTS=-qmp unix:x,server=on", NULL, NULL},
        {"{}", "QEMU_OPTS=-serial stdio", NULL, "vc,id=run-vm-monitor"},
        {"{}", "QEMU_OPTS=-serial mon:stdio", NULL, NULL},
        {"{}", "QEMU_OPTS=-nodefaults", NULL, NULL},
        {"{}", "QEMU_OPTS=--nographic", "mon:stdio", NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=", "mon:stdio", NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-nodefaults", NULL, NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-nographic", "mon:stdio", NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-append -serial", "mon:stdio", NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-monitor none", "chardev:run-vm-console",
         "stdio,id=run-vm-console,mux=on,signal=off"},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-chardev socket,id=m,path=m -mon chardev=m",
         "chardev:run-vm-console", "stdio,id=run-vm-console,mux=on,signal=off"},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-serial stdio", NULL, NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=--serial mon:stdio", NULL, NULL},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-serial file:log", NULL, "stdio,id=run-vm-monitor"},
        {VM(NO_GRAPHICS), "QEMU_OPTS=-serial file:log -monitor stdio", NULL, NULL},
        {VM(NO_GRAPHICS),
         "QEMU_OPTS=-chardev stdio,id=c,mux=on -mon c -device isa-serial,chardev=c", NULL, NULL},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const char *const environment[] = {cases[i].said, NULL};
        struct planned p CLEANUP_PLANNED;
        make(&p, cases[i].json, environment, NULL);
        planned_expect_success(&p);
        bool users = strstr(cases[i].said, "=-serial ") != NULL;
        if (count(&p, "-serial", cases[i].serial ? cases[i].serial : "") !=
                (cases[i].serial || users ? 1 : 0) ||
            count(&p, "-chardev", cases[i].chardev ? cases[i].chardev : "id=run-vm-console") !=
                (cases[i].chardev ? 1 : 0) ||
            (!cases[i].chardev && count(&p, "-chardev", "id=run-vm-monitor") != 0))
            fail_msg("case %zu: %s", i, cases[i].said);
    }
}

static void a_monitor_in_the_consoles_place_is_a_problem(void **state)
{
    static const char *const environment[] = {"QEMU_OPTS=-monitor stdio", NULL};
    (void)state;
    struct planned p CLEANUP_PLANNED;
    make(&p, VM(NO_GRAPHICS), environment, NULL);
    planned_expect_problem(&p, "virtualisation.graphics", "Ctrl-A C", "-serial", NULL);
}

/* The command equals that of nixpkgs' qemu-vm.nix while standard input is no terminal. */
static void the_systems_own_initrd_gets_a_multiplexer_for_a_reader_of_keys(void **state)
{
    (void)state;
    struct planned p CLEANUP_PLANNED;
    planned_init(&p);
    planned_make(&p, "{\"runVm\": {\"initrd\": \"system\"}, \"virtualisation\": {" NO_GRAPHICS "}}",
                 planned_no_environment);
    planned_expect_success(&p);
    assert_null(planned_argument(&p, "-serial", 0));
    struct planned typed CLEANUP_PLANNED;
    planned_init(&typed);
    typed.input = INPUT_TERMINAL;
    planned_make(&typed,
                 "{\"runVm\": {\"initrd\": \"system\"}, \"virtualisation\": {" NO_GRAPHICS "}}",
                 planned_no_environment);
    assert_string_equal(planned_argument(&typed, "-serial", 0), "mon:stdio");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_no_options),
        cmocka_unit_test(a_list_is_looked_through_by_items),
        cmocka_unit_test(a_qemu_that_would_leave_is_refused),
        cmocka_unit_test(what_only_looks_like_it_is_not_refused),
        cmocka_unit_test(consoles_and_monitors_are_where_nobody_puts_them),
        cmocka_unit_test(a_monitor_in_the_consoles_place_is_a_problem),
        cmocka_unit_test(the_systems_own_initrd_gets_a_multiplexer_for_a_reader_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
