/* SPDX-License-Identifier: MIT */
/* How tightly QEMU is shut in: each thing that is denied, wherever nothing of the configuration
 * needs it. */
#include <string.h>

#include "host/plan.h"
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
    static const char *const no_environment[] = {NULL};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        planned_make(&p, cases[i].configuration, no_environment);
        planned_expect_success(&p);
        assert_string_equal(planned_argument(&p, "-sandbox", 0), cases[i].sandbox);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_denied_that_nothing_needs),
    };

    return cmocka_run_group_tests_name("plan-sandbox", tests, NULL, NULL);
}
