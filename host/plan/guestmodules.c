/* SPDX-License-Identifier: MIT */
/* Modules for a root that may have none of the kernel that runs, with --root-dir and --exec. The
 * guest gets all of them as a share, and the initrd the drivers of devices that every machine is
 * expected to have: a network card, and a power button that works. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "common/store.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* Mount options of the share. It does not change while the guest runs, so that it is cached and
 * read in large pieces. It never hides modules that the root has, and a root on which it cannot be
 * mounted boots without. */
#define MODULES_OPTIONS STORE_OPTIONS "," STORE_OPTIONS_9P ",msize=131072,nofail,x-run-vm.if-empty"

/* Drivers of QEMU's network cards, by the beginning of a card's model. */
static const struct {
    const char *model;
    const char *modules[2];
} cards[] = {
    {"virtio-net", {"virtio_net"}},
    {"e1000e", {"e1000e"}},
    {"e1000", {"e1000"}},
    {"igb", {"igb"}},
    {"rtl8139", {"8139cp", "8139too"}},
    {"vmxnet3", {"vmxnet3"}},
    {"pcnet", {"pcnet32"}},
    {"ne2k_pci", {"ne2k-pci"}},
    {"i825", {"e100"}},
    {"tulip", {"tulip"}},
};

static bool lends_modules(const struct planner *p)
{
    return (p->options->root_dir || p->lends_modules) && p->dialect->own_init &&
           !config_bool(p->config, "virtualisation.useBootLoader");
}

static void add_card_modules(struct planner *p, const char *model)
{
    if (startswith(model, "virtio,") || streq(model, "virtio"))
        model = "virtio-net";
    for (size_t i = 0; i < ELEMENTS(cards); i++) {
        if (!startswith(model, cards[i].model))
            continue;
        for (size_t j = 0; j < ELEMENTS(cards[i].modules) && cards[i].modules[j]; j++)
            planner_add_module(p, cards[i].modules[j]);
        return;
    }
}

/* Adds the driver of the card that -nic or -net nic makes: without a model the machine's default.
 */
static void add_nic_modules(struct planner *p, const char *value)
{
    static const char model[] = "model=";
    const char *found = strstr(value, model);

    if (found)
        add_card_modules(p, found + strlen(model));
    else
        add_card_modules(p, p->guest->family == FAMILY_X86 ? "e1000e" : "virtio-net");
}

static void add_drivers_of(struct planner *p, const struct strv *words)
{
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(words, &at, &option);) {
        if (!option.value)
            continue;
        if (streq(option.name, "device"))
            add_card_modules(p, option.value);
        else if ((streq(option.name, "nic") && !streq(option.value, "none")) ||
                 (streq(option.name, "net") && startswith(option.value, "nic")))
            add_nic_modules(p, option.value);
    }
}

/* The machine's cards, and those among the user's arguments, in their order. */
static void add_drivers_of_machine(struct planner *p)
{
    const struct model *machine = &p->plan->machine;

    for (size_t i = 0; i < machine->count; i++) {
        const struct model_item *item = &machine->items[i];

        if (item->kind == MODEL_CARD)
            add_card_modules(p, item->card.driver ? item->card.driver : item->card.model);
        else if (item->kind == MODEL_ARGUMENTS)
            add_drivers_of(p, &item->words);
    }
}

void planner_add_expected_drivers(struct planner *p)
{
    /* the last one hands a button's press on to the programs that wait for it */
    static const char *const buttons[] = {"button", "gpio_keys", "evdev"};

    if (!lends_modules(p))
        return;
    for (size_t i = 0; i < ELEMENTS(buttons); i++)
        planner_add_module(p, buttons[i]);
    add_drivers_of_machine(p);
    add_drivers_of(p, &p->given);
}

void planner_share_modules(struct planner *p)
{
    struct share_list *list = &p->params.shares;

    if (!p->modules_shared)
        return;
    char *version CLEANUP_FREE = path_last_name(p->plan->initrd.modules_dir);

    /* the last one: /lib may lead into another mount, such as /usr */
    const struct share_spec spec = {
        .tag = xstrdup(PLANNER_MODULES_TAG),
        .where = xasprintf("/lib/modules/%s", version),
        .transport = SHARE_9P,
        .options = xstrdup(MODULES_OPTIONS),
    };
    ARRAY_PUSH(list->items, list->count, spec);
}

/* Finds the host's directory of the modules, for a file server that does not know of a chroot
 * store: links are followed inside the store. The caller frees; NULL after a problem. */
static char *exported_directory(struct planner *p)
{
    static const char option[] = "system.build.toplevel";

    if (p->options->modules_dir)
        return planner_named_path(p, p->options->modules_dir);
    char *version CLEANUP_FREE = path_last_name(p->plan->initrd.modules_dir);
    char *inside CLEANUP_FREE =
        xasprintf("%s/kernel-modules/lib/modules/%s", config_text(p->config, option), version);

    return planner_store_path(p, option, inside);
}

void plan_modules(struct planner *p)
{
    if (!lends_modules(p))
        return;
    p->plan->initrd.modules_dir = planner_find_modules(p);
    if (!p->plan->initrd.modules_dir)
        return;
    char *exported CLEANUP_FREE = exported_directory(p);

    p->modules_shared = true;
    if (exported)
        planner_add_own_share(p, PLANNER_MODULES_TAG, exported);
}
