/* SPDX-License-Identifier: MIT */
/* The kernel's modules in a guest whose root brings none. */
#include <string.h>

#include "base/alloc.h"
#include "host/plan/plan.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static void make(struct planned *p, const char *json, const char *root, const char *command)
{
    planned_init(p);
    p->options.root_dir = xstrdup(root);
    if (command)
        strv_push(&p->options.exec.arguments, command);
    planned_make(p, json, planned_no_environment);
    planned_expect_success(p);
}

static bool has(const struct planned *p, const char *module)
{
    return strv_contains(&p->plan.initrd.modules, module);
}

/* The 9p export of that tag; NULL: none. */
static const char *export_of(const struct planned *p, const char *tag)
{
    char *item CLEANUP_FREE = xasprintf(",mount_tag=%s,", tag);
    const char *argument;

    for (size_t n = 0; (argument = planned_argument(p, "-virtfs", n)); n++)
        if (strstr(argument, item))
            return argument;
    return NULL;
}

static bool has_share(const struct planned *p)
{
    return strv_contains(&p->plan.kernel_params,
                         "vm.share=run-vm-modules:/lib/modules/6.1.0:ro,cache=loose,msize=131072,"
                         "nofail,x-run-vm.if-empty");
}

static void a_tree_and_a_command_have_the_modules_a_card_and_a_button(void **state)
{
    struct planned tree CLEANUP_PLANNED;
    struct planned command CLEANUP_PLANNED;
    struct planned system CLEANUP_PLANNED;
    static const char *const wanted[] = {"9p", "virtio_net", "button", "evdev"};

    (void)state;
    make(&tree, "{}", "system", NULL);
    make(&command, "{}", NULL, "true");
    make(&system, "{}", NULL, NULL);
    assert_non_null(strstr(export_of(&tree, "run-vm-modules"), "/6.1.0,security_model=none,"));
    assert_non_null(strstr(export_of(&command, "run-vm-modules"), ",readonly=on,multidevs=remap"));
    assert_null(export_of(&system, "run-vm-modules"));
    assert_true(has_share(&tree) && has_share(&command) && !has_share(&system));
    for (size_t i = 0; i < ELEMENTS(wanted); i++)
        assert_true(has(&tree, wanted[i]) && has(&command, wanted[i]));
    assert_false(has(&system, "virtio_net") || has(&system, "button"));
}

static void the_cards_drivers_are_those_of_the_cards_that_there_are(void **state)
{
    static const struct {
        const char *options;
        const char *module;
    } cases[] = {
        {"-device e1000e,netdev=x -netdev user,id=x", "e1000e"},
        {"--device igb,netdev=x -netdev user,id=x", "igb"},
        {"-nic user,model=rtl8139", "8139cp"},
        {"-nic user", "e1000e"},
        {"-net nic,model=pcnet", "pcnet32"},
        {"-device virtio-net-pci-non-transitional,netdev=x -netdev user,id=x", "virtio_net"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE = xasprintf(
            "{\"virtualisation\": {\"qemu\": {\"options\": [\"%s\"]}}}", cases[i].options);

        make(&p, json, "system", NULL);
        if (!has(&p, cases[i].module))
            fail_msg("%s: no %s", cases[i].options, cases[i].module);
    }
    struct planned none CLEANUP_PLANNED;

    make(&none,
         "{\"virtualisation\": {\"qemu\": {\"networkingOptions\": {\"_type\": \"override\", "
         "\"priority\": 50, \"content\": [\"-nic none\"]}}}}",
         "system", NULL);
    assert_false(has(&none, "virtio_net") || has(&none, "e1000e"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_and_a_command_have_the_modules_a_card_and_a_button),
        cmocka_unit_test(the_cards_drivers_are_those_of_the_cards_that_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
