/* SPDX-License-Identifier: MIT */
/* The network of a plan, and programs that the user's networks have QEMU start. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/plan.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

#define NETWORK(list, more)                                                                        \
    "{\"virtualisation\": {" more "\"qemu\": {\"networkingOptions\": " list "}}}"
#define FORCED(content) "{\"_type\": \"override\", \"priority\": 50, \"content\": " content "}"

static void no_network_is_none_unless_the_user_brings_one(void **state)
{
    static const struct {
        const char *json;
        const char *environment;
        bool none;
    } cases[] = {
        {NETWORK(FORCED("[]"), ""), NULL, true},
        {NETWORK(FORCED("[\"$NOTHING\"]"), ""), NULL, true},
        {NETWORK(FORCED("[]"), "\"vlans\": [1], "), NULL, true},
        {NETWORK(FORCED("[]"), "\"vlans\": [1], "), "QEMU_VDE_SOCKET_1=/s", false},
        {NETWORK(FORCED("[\"-device e1000\"]"), ""), NULL, true},
        {NETWORK(FORCED("[]"), ""), "QEMU_OPTS=-drive file=-nic", true},
        {NETWORK(FORCED("[]"), ""), "QEMU_OPTS=--nic user", false},
        {NETWORK(FORCED("[]"), ""), "QEMU_OPTS=-net none", false},
        {NETWORK(FORCED("[]"), ""), "QEMU_OPTS=-netdev user,id=n -device e1000,netdev=n", false},
        {NETWORK("[]", ""), NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        const char *const environment[] = {cases[i].environment, NULL};
        const char *nic = NULL;

        planned_new(&p, cases[i].json, environment);
        planned_expect_success(&p);
        nic = planned_argument(&p, "-nic", 0);
        if (cases[i].none != (nic && streq(nic, "none")))
            fail_msg("case %zu: -nic %s", i, nic ? nic : "is not there");
    }
}

static void settings_of_a_network_that_is_not_there_are_said_to_be_lost(void **state)
{
    static const char restrict_and_forward[] =
        NETWORK(FORCED("[]"), "\"restrictNetwork\": true, \"forwardPorts\": [{\"host\": "
                              "{\"port\": 1}, \"guest\": {\"port\": 2}}], ");
    struct planned lost CLEANUP_PLANNED;
    struct planned kept CLEANUP_PLANNED;
    struct planned beside CLEANUP_PLANNED;

    (void)state;
    planned_new(&lost, restrict_and_forward, planned_no_environment);
    planned_expect_success(&lost);
    assert_int_equal(planned_warnings_with(&lost, "virtualisation.restrictNetwork has no effect"),
                     1);
    assert_int_equal(planned_warnings_with(&lost, "virtualisation.forwardPorts has no effect"), 1);
    planned_new(&kept, NETWORK("[]", "\"restrictNetwork\": true, "), planned_no_environment);
    planned_expect_success(&kept);
    assert_int_equal(planned_warnings_with(&kept, "restrict"), 0);
    planned_new(&beside,
                NETWORK("[\"-nic user\", \"-nic user,restrict=on -net nic -nic none\"]",
                        "\"restrictNetwork\": true, "),
                planned_no_environment);
    planned_expect_success(&beside);
    assert_int_equal(planned_warnings_with(&beside, "does not restrict the network \"-nic user\""),
                     1);
    assert_int_equal(planned_warnings_with(&beside, "does not restrict"), 1);
}

static void a_network_or_card_of_the_users_replaces_the_built_in_one(void **state)
{
    static const struct {
        const char *json;
        const char *network;
        const char *card; /* of -net; NULL: none */
    } cases[] = {
        {NETWORK("[\"-net nic,netdev=user.0,model=virtio\", \"-netdev user,id=user.0,a=b\"]", ""),
         "user,id=user.0,a=b", "nic,netdev=user.0,model=virtio"},
        {NETWORK("[\"-netdev user,id=user.0,net=10.1.0.0/16\"]", ""),
         "user,id=user.0,net=10.1.0.0/16", "nic,netdev=user.0,model=virtio"},
        {NETWORK("[\"-device e1000,netdev=user.0\"]", ""), "user,id=user.0,", NULL},
        {NETWORK("[\"-netdev user,id=user.01 -device x,a=b,,netdev=user.0\"]", ""),
         "user,id=user.0,", "nic,netdev=user.0,model=virtio"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        const char *card = NULL;

        planned_new(&p, cases[i].json, planned_no_environment);
        planned_expect_success(&p);
        card = planned_argument(&p, "-net", 0);
        assert_string_equal(planned_argument(&p, "-netdev", 0), cases[i].network);
        assert_string_equal(card ? card : "none", cases[i].card ? cases[i].card : "none");
        assert_null(planned_argument(&p, "-net", 1));
        assert_int_equal(planned_warnings_with(&p, "replaces the built-in"), i == 0 ? 2 : i < 3);
    }
}

static void programs_of_the_users_are_started_without_a_sandbox(void **state)
{
    static const struct {
        const char *words;
        bool sandbox;
    } cases[] = {
        {"-netdev bridge,id=n,br=br0,helper=/h", false},
        {"-netdev bridge,id=n", false},
        {"-netdev type=bridge,id=n", false},
        {"--nic bridge,br=br0", false},
        {"-nic tap,model=e1000", false},
        {"-netdev tap,id=n,script=/x,downscript=no", false},
        {"-netdev tap,id=n,script=no", false},
        {"-netdev tap,id=n,helper=/h", false},
        {"-net tap,ifname=x", false},
        {"-netdev user,id=n,smb=/srv", false},
        {"-netdev user,id=n,guestfwd=tcp:10.0.2.9:80-cmd:/bin/x", false},
        {"-incoming exec:cat", false},
        {"-netdev '{\\\"type\\\":\\\"bridge\\\"}'", false},
        {"-netdev tap,id=n,script=no,downscript=no", true},
        {"-netdev tap,id=n,fd=3", true},
        {"-netdev bridge,id=n,fd=3", true},
        {"-netdev user,id=n,hostname=bridge", true},
        {"-netdev user,id=n,guestfwd=tcp:10.0.2.9:80-tcp:127.0.0.1:80", true},
        {"-netdev user,id=n,tftp=/a,,smb=x", true},
        {"-drive file=x,helper=y", true},
        {"-incoming tcp:0:1", true},
        {"-snapshot", true},
    };

    (void)state;
    for (size_t i = 0; i < 3 * ELEMENTS(cases); i++) {
        const char *words = cases[i / 3].words;

        if (strchr(words, '{') && i % 3)
            continue; /* quoted for the configuration only */
        struct planned p CLEANUP_PLANNED;

        planned_make_with(&p, (int)(i % 3), words, "");
        planned_expect_success(&p);
        if (planned_count(&p, "-sandbox") != cases[i / 3].sandbox ||
            planned_warnings_with(&p, "without a sandbox") == cases[i / 3].sandbox)
            fail_msg("%s", words);
    }
}

static void more_of_the_built_in_network_may_start_programs_too(void **state)
{
    const char *const shared[] = {"QEMU_NET_OPTS=smb=/srv", NULL};
    const char *const other[] = {"QEMU_NET_OPTS=hostfwd=tcp::1-:2", NULL};
    struct planned with CLEANUP_PLANNED;
    struct planned without CLEANUP_PLANNED;

    (void)state;
    planned_new(&with, "{}", shared);
    planned_expect_success(&with);
    assert_int_equal(planned_count(&with, "-sandbox"), 0);
    assert_int_equal(planned_warnings_with(&with, "QEMU_NET_OPTS=smb=/srv"), 1);
    planned_new(&without, "{}", other);
    planned_expect_success(&without);
    assert_int_equal(planned_count(&without, "-sandbox"), 1);
}

static void the_guest_has_the_address_that_dhcp_would_give_it(void **state)
{
#define GUEST(content)   "{\"runVm\": {\"guestNetwork\": true}, \"virtualisation\": {" content "}}"
#define GUEST_WITH(list) GUEST("\"qemu\": {\"networkingOptions\": " list "}")
    static const struct {
        const char *json;
        const char *environment;
        const char *network; /* NULL: none */
        size_t warnings;
    } cases[] = {
        {GUEST(""), NULL, "10.0.2.15/24,10.0.2.2,10.0.2.3", 0},
        {VM(""), NULL, NULL, 0},
        {GUEST("\"restrictNetwork\": true"), NULL, "10.0.2.15/24", 0},
        {GUEST(""), "QEMU_NET_OPTS=net=192.168.76.0/24",
         "192.168.76.15/24,192.168.76.2,192.168.76.3", 0},
        {GUEST(""), "QEMU_NET_OPTS=net=172.16.0.0/12", "172.16.2.15/12,172.16.2.2,172.16.2.3", 0},
        {GUEST(""), "QEMU_NET_OPTS=dhcpstart=10.0.2.99,host=10.0.2.9,dns=10.0.2.8",
         "10.0.2.99/24,10.0.2.9,10.0.2.8", 0},
        {GUEST(""), "QEMU_NET_OPTS=restrict=yes", "10.0.2.15/24", 0},
        {GUEST(""), "QEMU_NET_OPTS=ipv4=off", NULL, 0},
        {GUEST(""), "QEMU_NET_OPTS=net=192.168.76.0", NULL, 1},
        {GUEST_WITH(FORCED("[]")), NULL, NULL, 0},
        {GUEST_WITH(FORCED("[\"-nic user,net=10.9.0.0/16\"]")), NULL,
         "10.9.2.15/16,10.9.2.2,10.9.2.3", 0},
        {GUEST_WITH(FORCED("[\"-netdev tap,id=n -device e1000,netdev=n\"]")), NULL, NULL, 0},
        {GUEST_WITH(FORCED("[]")), "QEMU_OPTS=-netdev user,id=n -device e1000,netdev=n",
         "10.0.2.15/24,10.0.2.2,10.0.2.3", 0},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        struct guest_params params CLEANUP_GUEST_PARAMS;
        const char *const environment[] = {cases[i].environment, NULL};

        planned_new(&p, cases[i].json, environment);
        planned_expect_success(&p);
        planned_read_params(&p, &params);
        char *network CLEANUP_FREE = params.network.prefix ? netspec_format(&params.network) : NULL;
        if (!network != !cases[i].network || (network && !streq(network, cases[i].network)))
            fail_msg("case %zu: the network is %s", i, network ? network : "not there");
        assert_int_equal(planned_warnings_with(&p, "runVm.guestNetwork"), cases[i].warnings);
        assert_true(!params.hostname == (i == 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guest_has_the_address_that_dhcp_would_give_it),
        cmocka_unit_test(no_network_is_none_unless_the_user_brings_one),
        cmocka_unit_test(settings_of_a_network_that_is_not_there_are_said_to_be_lost),
        cmocka_unit_test(a_network_or_card_of_the_users_replaces_the_built_in_one),
        cmocka_unit_test(programs_of_the_users_are_started_without_a_sandbox),
        cmocka_unit_test(more_of_the_built_in_network_may_start_programs_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
