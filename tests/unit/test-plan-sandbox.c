/* SPDX-License-Identifier: MIT */
/* QEMU's sandbox: everything is denied that the configuration does not need. QEMU stays the child
 * of run-vm. */
#include <string.h>

#include "host/plan/plan.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

#define NO_WINDOW "{\"virtualisation\": {\"graphics\": false}}"
#define FORWARDING                                                                                 \
    "{\"virtualisation\": {\"graphics\": false, \"forwardPorts\": [{\"from\": \"guest\", "         \
    "\"guest\": {\"address\": \"10.0.2.10\", \"port\": 1}, \"host\": {\"port\": 2}}]}}"
#define OWN_OPTIONS                                                                                \
    "{\"virtualisation\": {\"graphics\": false, \"qemu\": {\"options\": [\"-usb\"]}}}"

static void everything_is_denied_that_nothing_needs(void **state)
{
    static const struct {
        const char *configuration;
        const char *sandbox;
    } cases[] = {
        {NO_WINDOW, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"},
        {"{}", "on,obsolete=deny,elevateprivileges=deny"},
        {FORWARDING, "on,obsolete=deny,resourcecontrol=deny"},
        {OWN_OPTIONS, "on,obsolete=deny"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        planned_make(&p, cases[i].configuration, planned_no_environment);
        planned_expect_success(&p);
        assert_string_equal(planned_argument(&p, "-sandbox", 0), cases[i].sandbox);
    }
}

/* QEMU's parent would end at once, and run-vm remove the directory of a guest that runs on. */
static void qemu_stays_our_child(void **state)
{
    static const char *const environments[][2] = {{"QEMU_OPTS=-daemonize", NULL},
                                                  {"QEMU_OPTS=-m 64 --daemonize", NULL}};
    struct planned option CLEANUP_PLANNED;
    struct planned argument CLEANUP_PLANNED;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(environments); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        planned_make(&p, "{}", environments[i]);
        planned_expect_problem(&p, "QEMU_OPTS", "-daemonize", "systemd-run", NULL);
    }
    planned_init(&option);
    planned_make(&option, "{\"virtualisation\": {\"qemu\": {\"options\": [\"-daemonize\"]}}}",
                 planned_no_environment);
    planned_expect_problem(&option, "virtualisation.qemu.options", "-daemonize", NULL);
    planned_init(&argument);
    strv_push(&argument.options.qemu_arguments, "-daemonize");
    planned_make(&argument, "{}", planned_no_environment);
    planned_expect_problem(&argument, "-daemonize", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_denied_that_nothing_needs),
        cmocka_unit_test(qemu_stays_our_child),
    };

    return cmocka_run_group_tests_name("plan-sandbox", tests, NULL, NULL);
}
