/* SPDX-License-Identifier: MIT */
/* Modules for a root that may have none of the kernel that runs, with --root-dir and --exec. The
 * guest gets all of them as a share, and the initrd the drivers of devices that every machine is
 * expected to have: a network card, and a power button that works. */
#include <string.h>
#include <unistd.h>

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
    return (p->options->root_dir || p->lends_modules) && planner_has_own_init(p);
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

/* Directories of the guest on which the layers of indexed modules are mounted: /run is another
 * filesystem when stage 2 starts. */
#define MODULES_LAYERS "/run/run-vm-modules"
#define MODULES_OVERLAY                                                                            \
    "lowerdir=" MODULES_LAYERS "/files:" MODULES_LAYERS "/index,nofail,x-run-vm.if-empty"

static void share_layer(struct planner *p, const char *tag, const char *where)
{
    struct share_list *list = &p->params.shares;
    const struct share_spec spec = {.tag = xstrdup(tag),
                                    .where = xstrdup(where),
                                    .transport = SHARE_9P,
                                    .options = xstrdup(MODULES_OPTIONS)};

    ARRAY_PUSH(list->items, list->count, spec);
}

/* Shares the modules and their index, and mounts both as one directory. */
static void share_indexed(struct planner *p, const char *version)
{
    struct mount_list *list = &p->params.mounts;
    const struct mount_spec spec = {.what = xstrdup("overlay"),
                                    .where = xasprintf("/lib/modules/%s", version),
                                    .fstype = xstrdup("overlay"),
                                    .options = xstrdup(MODULES_OVERLAY)};

    share_layer(p, PLANNER_MODULES_TAG, MODULES_LAYERS "/files");
    share_layer(p, PLANNER_INDEX_TAG, MODULES_LAYERS "/index");
    ARRAY_PUSH(list->items, list->count, spec);
}

void planner_share_modules(struct planner *p)
{
    struct share_list *list = &p->params.shares;

    if (!p->modules_shared)
        return;
    char *version CLEANUP_FREE = path_last_name(p->plan->initrd.modules_dir);

    if (p->modules_indexed) {
        share_indexed(p, version);
        return;
    }
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

/* True if nobody has run depmod in the directory. Links of a tree would lead depmod out of it: that
 * is left to the tree's own. */
static bool lacks_index(const struct planner *p, const char *directory)
{
    const char *root = p->plan->initrd.modules_root;
    char *modules CLEANUP_FREE = xasprintf("%s/kernel", directory);
    char *index CLEANUP_FREE = xasprintf("%s/modules.dep.bin", directory);

    return !(root && *root) && access(modules, X_OK) == 0 && access(index, F_OK) < 0;
}

/* Has the index made in the cache, which the initrd and the guest use. */
static void plan_index(struct planner *p, const char *directory)
{
    struct initrd_spec *initrd = &p->plan->initrd;
    char *version CLEANUP_FREE = path_last_name(directory);
    char *path = planner_temporary(p, "modules");
    char *index CLEANUP_FREE = xasprintf("%s/index", path);

    planner_add_file(p, FILE_MODULE_INDEX, path, xstrdup(directory));
    initrd->modules_source = initrd->modules_dir;
    initrd->modules_dir = xasprintf("%s/%s", path, version);
    p->modules_indexed = true;
    planner_add_module(p, "overlay");
    planner_add_own_share(p, PLANNER_INDEX_TAG, index, true);
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
    if (exported && lacks_index(p, exported))
        plan_index(p, exported);
    if (exported)
        planner_add_own_share(p, PLANNER_MODULES_TAG, exported, true);
}
