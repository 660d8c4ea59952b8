/* SPDX-License-Identifier: MIT */
#include "common/params.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/unit.h"

static int parse(struct guest_params *params, const char *text, struct error *e)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    cmdline_parse(&line, text);
    return guest_params_parse(params, &line, e);
}

/* The command line that says `params`. */
static char *encode(const struct guest_params *params)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    guest_params_encode(params, &line);
    struct strv words CLEANUP_STRV = {0};
    for (size_t i = 0; i < line.count; i++) {
        char *word = cmdline_quote(line.words[i].name, line.words[i].value, NULL);
        assert_non_null(word);
        strv_take(&words, word);
    }
    return strv_join(&words, " ");
}

/* A parameter for each row of the table, by its name, and its encoding if that differs. */
static const struct saying {
    const char *name;
    const char *words;
    const char *encoded; /* NULL: the same */
} sayings[] = {
    {"init", "init=/nix/store/x/init", NULL},
    {"root", "root=\"LABEL=my disk\"", NULL},
    {"rootfstype", "rootfstype=ext4", NULL},
    {"rootflags", "rootflags=noatime,x-systemd.makefs", NULL},
    {"ro", "ro", NULL},
    {"rw", "ro rw", ""},
    {"console", "console=ttyS0,115200n8 console=tty0", NULL},
    {"regInfo", "regInfo=/nix/store/x/registration", NULL},
    {"boot.trace", "boot.trace", NULL},
    {"debugtrace", "debugtrace", "boot.trace"},
    {"boot.shell_on_fail", "boot.shell_on_fail", NULL},
    {"boot.debug1", "boot.debug1", NULL},
    {"debug1", "debug1", "boot.debug1"},
    {"boot.debug1devices", "boot.debug1devices", NULL},
    {"boot.debug1mounts", "boot.debug1mounts", NULL},
    {"vm.mount", "vm.mount=/dev/vdb:/data:ext4:noatime vm.mount=tmpfs:/tmp:tmpfs", NULL},
    {"vm.share", "vm.share=xchg:/tmp/xchg vm.share=s:/s:virtiofs,ro", NULL},
    {"vm.submount", "vm.submount=/s/a\\040b vm.submount=/s/c", NULL},
    {"vm.msize", "vm.msize=524288", NULL},
    {"vm.store", "vm.store=erofs:/dev/vdb", NULL},
    {"vm.store.overlay", "vm.store.overlay=root", NULL},
    {"vm.store.upper", "vm.store.upper=upper", NULL},
    {"vm.root.overlay", "vm.root.overlay=tmpfs", NULL},
    {"vm.modules", "vm.modules=nls_cp437,vfat", NULL},
    {"vm.ifname", "vm.ifname=lan0:52:54:00:12:0a:ff vm.ifname=x:00:00:00:00:00:00", NULL},
    {"vm.hostname", "vm.hostname=box", NULL},
    {"vm.network", "vm.network=10.0.2.15/24,10.0.2.2,10.0.2.3", NULL},
    {"vm.blank", "vm.blank=a1B2c3D4e5,0123456789", NULL},
    {"vm.console-size", "vm.console-size=40x80", NULL},
    {"vm.device-timeout", "vm.device-timeout=5", NULL},
    {"vm.onfail", "vm.onfail=poweroff", NULL},
    {"vm.exec", "vm.exec", NULL},
    {"vm.agent", "vm.agent", NULL},
    {"vm.warm", "vm.warm", NULL},
    {"boot.panic_on_fail", "boot.panic_on_fail", "vm.onfail=panic"},
    {"stage1panic", "stage1panic=1", "vm.onfail=panic"},
};

static const struct saying *saying_of(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(sayings); i++)
        if (streq(sayings[i].name, name))
            return &sayings[i];
    fail_msg("no saying for the parameter %s", name);
    return NULL;
}

static void every_parameter_is_encoded_as_it_is_parsed(void **state)
{
    (void)state;
    for (size_t i = 0; i < guest_param_count; i++) {
        const struct saying *saying = saying_of(guest_param_table[i].name);
        struct guest_params params CLEANUP_GUEST_PARAMS;
        guest_params_init(&params);
        struct error e CLEANUP_ERROR = {0};
        if (parse(&params, saying->words, &e) < 0)
            fail_msg("%s", e.message);
        char *encoded CLEANUP_FREE = encode(&params);
        assert_string_equal(encoded, saying->encoded ? saying->encoded : saying->words);
    }
}

static void all_parameters_at_once_come_back(void **state)
{
    (void)state;
    struct guest_params params CLEANUP_GUEST_PARAMS;
    guest_params_init(&params);
    for (size_t i = 0; i < guest_param_count; i++)
        assert_int_equal(parse(&params, saying_of(guest_param_table[i].name)->words, NULL), 0);
    char *encoded CLEANUP_FREE = encode(&params);

    struct guest_params again CLEANUP_GUEST_PARAMS;
    guest_params_init(&again);
    assert_int_equal(parse(&again, encoded, NULL), 0);
    char *twice CLEANUP_FREE = encode(&again);
    assert_string_equal(encoded, twice);
}

static void nothing_said_is_the_defaults(void **state)
{
    (void)state;
    struct guest_params params CLEANUP_GUEST_PARAMS;
    guest_params_init(&params);
    assert_int_equal(parse(&params, "quiet nokaslr systemd.unit=x vmalloc=4M", NULL), 0);
    assert_null(params.init);
    assert_null(params.root);
    assert_false(params.read_only);
    assert_int_equal(params.msize, 0);
    assert_int_equal(params.device_timeout, 20);
    assert_int_equal(params.on_fail, ON_FAIL_PROMPT);
    assert_int_equal(params.store.kind, STORE_NONE);
    assert_int_equal(params.store_overlay, STORE_OVERLAY_TMPFS);
    char *encoded CLEANUP_FREE = encode(&params);
    assert_string_equal(encoded, "");
}

static void the_last_one_wins(void **state)
{
    (void)state;
    struct guest_params params CLEANUP_GUEST_PARAMS;
    guest_params_init(&params);
    assert_int_equal(parse(&params,
                           "init=/a ro init=/b rw root=/dev/vda root=/dev/vdb "
                           "vm.store=9p:x vm.store=erofs:y regInfo=/r regInfo= boot.trace "
                           "boot.trace=0",
                           NULL),
                     0);
    assert_string_equal(params.init, "/b");
    assert_string_equal(params.root, "/dev/vdb");
    assert_false(params.read_only);
    assert_int_equal(params.store.kind, STORE_EROFS);
    assert_null(params.reg_info);
    assert_false(params.trace);
}

static void a_wrong_parameter_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *names[3];
    } rows[] = {
        {"vm.mout=a:/b", {"vm.mout", "no such parameter", "vm."}},
        {"vm.", {"vm.", "no such parameter", "vm."}},
        {"init", {"init", "value", "init="}},
        {"vm.msize=0", {"vm.msize=0", "positive", "number"}},
        {"vm.msize=-5", {"vm.msize=-5", "positive", "number"}},
        {"vm.msize=5k", {"vm.msize=5k", "positive", "number"}},
        {"vm.msize=99999999999999999999", {"vm.msize=999", "positive", "number"}},
        {"vm.device-timeout", {"vm.device-timeout", "value", "="}},
        {"vm.onfail=explode", {"vm.onfail=explode", "prompt, poweroff", "panic"}},
        {"vm.store.overlay", {"vm.store.overlay", "tmpfs", "none"}},
        {"vm.root.overlay=root", {"vm.root.overlay=root", "tmpfs", "expected"}},
        {"vm.mount=x", {"vm.mount", "\"x\"", "WHAT:WHERE"}},
        {"vm.share=x:y", {"vm.share", "\"y\"", "absolute"}},
        {"vm.store=x", {"vm.store", "\"x\"", "erofs:DEVICE"}},
        {"vm.ifname=eth1", {"vm.ifname", "\"eth1\"", "eth1:XX:XX:XX"}},
        {"vm.ifname=eth1:52:54:00:12:01:1g",
         {"vm.ifname", "is not the address of a network card", "eth1:XX:XX:XX"}},
        {"vm.ifname=eth1:52:54:00:12:01:01:01",
         {"vm.ifname", "is not the address of a network card", "eth1:XX:XX:XX"}},
        {"vm.ifname=:52:54:00:12:01:01", {"vm.ifname", "\"\"", "name"}},
        {"vm.ifname=a234567890123456:52:54:00:12:01:01", {"vm.ifname", "a234567890123456", "name"}},
        {"vm.network=10.0.2.15", {"vm.network", "\"10.0.2.15\"", "ADDRESS/PREFIX"}},
        {"vm.network=10.0.2.15/0", {"vm.network", "10.0.2.15/0", "ADDRESS/PREFIX"}},
        {"vm.network=10.0.2.15/33", {"vm.network", "10.0.2.15/33", "ADDRESS/PREFIX"}},
        {"vm.network=10.0.2/24", {"vm.network", "10.0.2/24", "ADDRESS/PREFIX"}},
        {"vm.network=10.0.2.15/24,x", {"vm.network", "24,x", "GATEWAY"}},
        {"vm.network=10.0.2.15/24,,,", {"vm.network", ",,,", "DNS"}},
        {"vm.network=fec0::15/64", {"vm.network", "fec0::15/64", "IPv4"}},
        {"ro=maybe", {"ro=maybe", "yes", "no"}},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        struct guest_params params CLEANUP_GUEST_PARAMS;
        guest_params_init(&params);
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(parse(&params, rows[i].text, &e), -EINVAL);
        assert_error_names(e, rows[i].names[0], rows[i].names[1], rows[i].names[2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_is_encoded_as_it_is_parsed),
        cmocka_unit_test(all_parameters_at_once_come_back),
        cmocka_unit_test(nothing_said_is_the_defaults),
        cmocka_unit_test(the_last_one_wins),
        cmocka_unit_test(a_wrong_parameter_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
