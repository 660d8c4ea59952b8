/* SPDX-License-Identifier: MIT */
/* Plans the network: the user network with its forwarded ports, and virtual networks. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/machine/qemuargv.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* Forwards a port of the host to the guest. The caller frees the texts of the result. */
static struct model_forward host_forwarding(struct planner *p, const struct port_forward *rule,
                                            const char *option)
{
    return (struct model_forward){
        .protocol = xstrdup(rule->protocol),
        .host_address = planner_expand_item(p, option, rule->host_address),
        .guest_address = planner_expand_item(p, option, rule->guest_address),
        .host_port = (uint64_t)rule->host_port,
        .guest_port = (uint64_t)rule->guest_port,
    };
}

/* Forwards an address in the guest's network to the host: QEMU starts a netcat for each connection.
 * The caller frees the texts of the result. */
static struct model_forward guest_forwarding(struct planner *p, const struct port_forward *rule)
{
    char *program = process_find("nc", p->failed ? NULL : p->e);

    if (!program && !p->failed)
        p->failed = -ENOENT;
    if (program)
        strv_push(&p->plan->helpers, program);
    return (struct model_forward){
        .from_guest = true,
        .protocol = xstrdup(rule->protocol),
        .host_address = xstrdup(rule->host_address),
        .guest_address = xstrdup(rule->guest_address),
        .host_port = (uint64_t)rule->host_port,
        .guest_port = (uint64_t)rule->guest_port,
        .helper = program ? program : xstrdup(""),
    };
}

/* The id of the built-in network. */
#define NETWORK "user.0"

/* Finds the user's network that has the id of the built-in one, which QEMU refuses to have twice;
 * NULL: there is none. */
static const char *given_network(const struct planner *p)
{
    return qemu_option_find_with(&p->given, "netdev", "id=" NETWORK);
}

/* Finds the user's card on the built-in network; NULL: there is none. */
static const char *given_card(const struct planner *p)
{
    const char *card = qemu_option_find_with(&p->given, "net", "netdev=" NETWORK);

    return card ? card : qemu_option_find_with(&p->given, "device", "netdev=" NETWORK);
}

static void warn_of_replacement(struct planner *p, const char *what, const char *given)
{
    strv_pushf(&p->config->warnings,
               "virtualisation.qemu.networkingOptions: \"%s\" replaces the built-in %s", given,
               what);
}

/* QEMU's machines for RISC-V make no card of a model, only one that is a device. */
static bool takes_no_model(const struct planner *p)
{
    return p->guest->cpu && startswith(p->guest->cpu, "riscv");
}

static void add_card(struct planner *p)
{
    bool device = takes_no_model(p);

    if (given_card(p)) {
        warn_of_replacement(p, "network card", given_card(p));
        return;
    }
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_CARD,
                                  .card = {.network = xstrdup(NETWORK),
                                           .model = device ? NULL : xstrdup("virtio"),
                                           .driver = device ? xstrdup("virtio-net-pci") : NULL}});
}

static void add_forwards(struct planner *p, struct model_network *network)
{
    for (size_t i = 0; i < p->config->forward_ports.count; i++) {
        const struct port_forward *rule = &p->config->forward_ports.items[i];
        char *entry CLEANUP_FREE = xasprintf("virtualisation.forwardPorts.<entry %zu>", i + 1);
        char *source CLEANUP_FREE = config_origin_name(p->config, entry);
        struct model_forward forward =
            rule->from_guest ? guest_forwarding(p, rule) : host_forwarding(p, rule, entry);
        char *item CLEANUP_FREE = qemuargv_forward(&forward);

        planner_need_ports(p, source, item);
        ARRAY_PUSH(network->forwards, network->forward_count, forward);
    }
}

static void add_user_network(struct planner *p)
{
    const char *more = variables_get(&p->variables, "QEMU_NET_OPTS");

    if (given_network(p)) {
        warn_of_replacement(p, "network " NETWORK, given_network(p));
        return;
    }
    struct model_network network = {
        .id = xstrdup(NETWORK),
        .restricted = config_bool(p->config, "virtualisation.restrictNetwork"),
        .options = xstrdup(more ? more : ""),
    };

    add_forwards(p, &network);
    planner_need_ports(p, "environment: QEMU_NET_OPTS", network.options);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_NETWORK, .network = network});
}

/* Adds the network with that id unless the user's options have it. Returns false if there is none.
 */
static bool add_switch(struct planner *p, const char *id, unsigned int number)
{
    char *item CLEANUP_FREE = xasprintf("id=%s", id);
    char *variable CLEANUP_FREE = xasprintf("QEMU_VDE_SOCKET_%u", number);
    const char *socket = variables_nonempty(&p->variables, variable);

    if (qemu_option_find_with(&p->given, "netdev", item))
        return true;
    if (!socket)
        return false;
    model_add(&p->plan->machine,
              (struct model_item){
                  .kind = MODEL_NETWORK,
                  .network = {.id = xstrdup(id), .vde_socket = path_absolute(p->at->cwd, socket)}});
    return true;
}

/* Has our init name the interface of the card with that address, as a rule of udev does in the
 * system's own initrd. */
static void name_card(struct planner *p, const char *name, const char *mac)
{
    struct ifname_list *list = &p->params.ifnames;
    struct ifname ifname = {0};

    if (!ifname_parse_address(ifname.address, mac))
        return;
    ifname.name = xstrdup(name);
    ARRAY_PUSH(list->items, list->count, ifname);
}

/* Does the same for the user's card, which init would wait for in vain by any other address. */
static void name_given_card(struct planner *p, const char *name, const char *device)
{
    size_t length = 0;
    const char *item = qemu_option_item(device, "mac", &length);
    char *mac CLEANUP_FREE = item ? xasprintf("%.*s", (int)length, item) : NULL;

    if (mac)
        name_card(p, name, mac);
}

/* Adds a card on the `nth` virtual network, if its switch is known. NixOS's test framework puts
 * both into the user's options, where they stay as they are. */
static void add_virtual_card(struct planner *p, size_t nth, const struct netcard *card)
{
    unsigned int node = (unsigned int)config_integer(p->config, "virtualisation.test.nodeNumber");
    char *id CLEANUP_FREE = xasprintf("vlan%zu", nth);
    char *item CLEANUP_FREE = xasprintf("netdev=%s", id);

    char *mac CLEANUP_FREE = xasprintf("52:54:00:12:%02X:%02X", card->network, node);

    if (!add_switch(p, id, card->network))
        return;
    const char *given = qemu_option_find_with(&p->given, "device", item);
    if (given) {
        name_given_card(p, card->name, given);
        return;
    }
    name_card(p, card->name, mac);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_CARD,
                                                     .card = {.network = xstrdup(id),
                                                              .driver = xstrdup("virtio-net-pci"),
                                                              .mac = xstrdup(mac)}});
}

/* Options each of which keeps QEMU from adding a default card, on a default user network. */
static const char *const network_options[] = {"nic", "netdev", "net"};

/* Keeps QEMU from adding its default card if no option names a network: the guest could reach the
 * host through it. */
static void refuse_default_card(struct planner *p)
{
    if (model_find(&p->plan->machine, MODEL_CARD) || model_find(&p->plan->machine, MODEL_NETWORK))
        return;
    for (size_t i = 0; i < ELEMENTS(network_options); i++)
        if (qemu_option_find(&p->given, network_options[i]))
            return;
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_NO_CARD});
}

/* True if the built-in user network is among the entries and not replaced. */
static bool has_user_network(const struct planner *p)
{
    const struct qemu_entries *entries = &p->config->networking_options;

    for (size_t i = 0; i < entries->count; i++)
        if (entries->items[i].built_in && streq(entries->items[i].text, "user-network"))
            return !given_network(p);
    return false;
}

/* Warns of settings of the built-in user network if there is no such network. */
static void warn_of_no_effect(struct planner *p)
{
    const struct {
        const char *name;
        bool given;
        const char *instead;
    } settings[] = {
        {"virtualisation.restrictNetwork", config_bool(p->config, "virtualisation.restrictNetwork"),
         "restrict=on in a network of your own"},
        {"virtualisation.forwardPorts",
         json_array_size(config_get(p->config, "virtualisation.forwardPorts")) > 0,
         "hostfwd= or guestfwd= in a network of your own"},
        {"runVm.ssh", config_bool(p->config, "runVm.ssh"),
         "hostfwd= in a network of your own, and ssh itself"},
        {"environment: QEMU_NET_OPTS", variables_nonempty(&p->variables, "QEMU_NET_OPTS") != NULL,
         "these options in a network of your own"},
    };

    for (size_t i = 0; i < ELEMENTS(settings) && !has_user_network(p); i++)
        if (settings[i].given)
            strv_pushf(&p->config->warnings,
                       "%s has no effect: the built-in network, which it is for, is left out or "
                       "replaced by virtualisation.qemu.networkingOptions. Use %s.",
                       settings[i].name, settings[i].instead);
}

static bool is_restricted(const char *value)
{
    static const char *const items[] = {"restrict=on", "restrict=yes", "restrict=y",
                                        "restrict=true"};

    for (size_t i = 0; i < ELEMENTS(items); i++)
        if (qemu_option_has_item(value, items[i]))
            return true;
    return false;
}

/* True if the value of -nic, -net or -netdev is a way out of the guest, rather than a card. */
static bool is_way_out(const char *value)
{
    static const char *const cards[] = {"none", "nic", "type=none", "type=nic", "hubport"};
    size_t length = strcspn(value, ",");

    for (size_t i = 0; i < ELEMENTS(cards); i++)
        if (strlen(cards[i]) == length && startswith(value, cards[i]))
            return false;
    return !is_restricted(value);
}

static void warn_of_ways_out(struct planner *p)
{
    struct qemu_option option;

    if (!config_bool(p->config, "virtualisation.restrictNetwork"))
        return;
    for (size_t at = 0; qemu_option_next(&p->given, &at, &option);)
        for (size_t i = 0; i < ELEMENTS(network_options); i++)
            if (streq(option.name, network_options[i]) && option.value && is_way_out(option.value))
                strv_pushf(&p->config->warnings,
                           "virtualisation.restrictNetwork does not restrict the network \"-%s "
                           "%s\", only the built-in one",
                           option.name, option.value);
}

void plan_network(struct planner *p)
{
    static const struct planner_builtin builtins[] = {
        {"nic", add_card},
        {"user-network", add_user_network},
    };

    planner_add_entries(p, "virtualisation.qemu.networkingOptions", &p->config->networking_options,
                        builtins, ELEMENTS(builtins));
    for (size_t i = 0; i < p->config->cards.count; i++)
        add_virtual_card(p, i + 1, &p->config->cards.items[i]);
    refuse_default_card(p);
    warn_of_no_effect(p);
    warn_of_ways_out(p);
}
