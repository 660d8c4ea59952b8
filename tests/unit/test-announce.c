/* SPDX-License-Identifier: MIT */
#include "host/commands/announce.h"

#include "base/alloc.h"
#include "tests/unit/unit.h"

static void each_console_has_its_way_out(void **state)
{
    static const struct {
        enum plan_console console;
        const char *name;
        const char *line;
    } cases[] = {
        {PLAN_CONSOLE_STREAMS, "box", "machine box: Ctrl-A X quits QEMU"},
        {PLAN_CONSOLE_AND_MONITOR, NULL,
         "the machine: Ctrl-A X quits QEMU, Ctrl-A C is its monitor"},
        {PLAN_CONSOLE_WINDOW, "box", "machine box: in QEMU's window; Ctrl-C here powers it down"},
    };
    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const struct plan plan = {.console = cases[i].console};
        char *line CLEANUP_FREE = announce_format(&plan, cases[i].name);
        assert_string_equal(line, cases[i].line);
    }
}

static void nothing_is_told_where_there_is_no_way(void **state)
{
    (void)state;
    struct plan plan = {.console = PLAN_CONSOLE_AND_MONITOR};
    strv_push(&plan.exec.arguments, "true");
    assert_null(announce_format(&plan, "box"));
    strv_free(&plan.exec.arguments);
    plan.console = PLAN_CONSOLE_ELSEWHERE;
    assert_null(announce_format(&plan, "box"));
}

static void forwarded_ports_are_named(void **state)
{
    (void)state;
    struct model_forward forwards[] = {
        {.host_port = 2222, .guest_port = 22},
        {.from_guest = true, .host_port = 80, .guest_port = 80},
        {.host_port = 8080, .guest_port = 80},
    };
    struct model_item network = {
        .kind = MODEL_NETWORK,
        .network = {.forwards = forwards, .forward_count = ELEMENTS(forwards)}};
    const struct plan plan = {.console = PLAN_CONSOLE_STREAMS,
                              .machine = {.items = &network, .count = 1}};
    char *line CLEANUP_FREE = announce_format(&plan, "box");
    assert_string_equal(line, "machine box: Ctrl-A X quits QEMU; host port 2222 is guest port 22; "
                              "host port 8080 is guest port 80");
}

static void commands_are_told_where_there_is_an_agent(void **state)
{
    (void)state;
    char socket[] = "/run/agent";
    const struct plan with = {.agent_socket = socket};
    const struct plan without = {0};
    char *line CLEANUP_FREE = announce_commands(&with, "bookworm");
    assert_string_equal(line, "in another terminal: run-vm exec bookworm, run-vm ssh bookworm");
    assert_null(announce_commands(&with, NULL));
    assert_null(announce_commands(&without, "bookworm"));
    struct plan_credential key = {.ssh_key = true};
    const struct plan by_port = {.credentials = &key, .credential_count = 1};
    char *only_ssh CLEANUP_FREE = announce_commands(&by_port, "bookworm");
    assert_string_equal(only_ssh, "in another terminal: run-vm ssh bookworm");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_console_has_its_way_out),
        cmocka_unit_test(forwarded_ports_are_named),
        cmocka_unit_test(commands_are_told_where_there_is_an_agent),
        cmocka_unit_test(nothing_is_told_where_there_is_no_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
