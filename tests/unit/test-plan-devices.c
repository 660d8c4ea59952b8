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

        make(&p, cases[i].json, environment);
        planned_expect_success(&p);
        nic = planned_argument(&p, "-nic", 0);
        if (cases[i].none != (nic && !strcmp(nic, "none")))
            fail_msg("case %zu: -nic %s", i, nic ? nic : "is not there");
    }
}

/* The number of warnings that have the text. */
static size_t warnings_with(const struct planned *p, const char *text)
{
    size_t found = 0;

    for (size_t i = 0; i < p->plan.warnings.count; i++)
        found += strstr(p->plan.warnings.items[i], text) != NULL;
    return found;
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
    make(&lost, restrict_and_forward, no_environment);
    planned_expect_success(&lost);
    assert_int_equal(warnings_with(&lost, "virtualisation.restrictNetwork has no effect"), 1);
    assert_int_equal(warnings_with(&lost, "virtualisation.forwardPorts has no effect"), 1);
    make(&kept, NETWORK("[]", "\"restrictNetwork\": true, "), no_environment);
    planned_expect_success(&kept);
    assert_int_equal(warnings_with(&kept, "restrict"), 0);
    make(&beside,
         NETWORK("[\"-nic user\", \"-nic user,restrict=on -net nic -nic none\"]",
                 "\"restrictNetwork\": true, "),
         no_environment);
    planned_expect_success(&beside);
    assert_int_equal(warnings_with(&beside, "does not restrict the network \"-nic user\""), 1);
    assert_int_equal(warnings_with(&beside, "does not restrict"), 1);
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

        make(&p, cases[i].json, no_environment);
        planned_expect_success(&p);
        card = planned_argument(&p, "-net", 0);
        assert_string_equal(planned_argument(&p, "-netdev", 0), cases[i].network);
        assert_string_equal(card ? card : "none", cases[i].card ? cases[i].card : "none");
        assert_null(planned_argument(&p, "-net", 1));
        assert_int_equal(warnings_with(&p, "replaces the built-in"), i == 0 ? 2 : i < 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_network_is_none_unless_the_user_brings_one),
        cmocka_unit_test(settings_of_a_network_that_is_not_there_are_said_to_be_lost),
        cmocka_unit_test(a_network_or_card_of_the_users_replaces_the_built_in_one),
        cmocka_unit_test(every_9p_export_numbers_the_files_of_several_filesystems_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
