/* SPDX-License-Identifier: MIT */
/* The network: the user network with its forwarded ports, and virtual networks. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

static const char *text_of(const json_t *rule, const char *key)
{
    const char *text = json_string_value(json_object_get(rule, key));

    return text ? text : "";
}

static json_int_t port_of(const json_t *rule, const char *key)
{
    return json_integer_value(json_object_get(rule, key));
}

/* hostfwd=…, with its comma; the caller frees. */
static char *host_forwarding(struct planner *p, const json_t *rule, const char *option)
{
    char *host CLEANUP_FREE = planner_expand_item(p, option, text_of(rule, "host.address"));
    char *guest CLEANUP_FREE = planner_expand_item(p, option, text_of(rule, "guest.address"));

    return xasprintf("hostfwd=%s:%s:%" JSON_INTEGER_FORMAT "-%s:%" JSON_INTEGER_FORMAT ",",
                     text_of(rule, "proto"), host, port_of(rule, "host.port"), guest,
                     port_of(rule, "guest.port"));
}

/* guestfwd=…, with its comma: QEMU starts a netcat for each connection. The caller frees. */
static char *guest_forwarding(struct planner *p, const json_t *rule)
{
    char *program CLEANUP_FREE = process_find("nc", p->failed ? NULL : p->e);
    char *path CLEANUP_FREE = path_double_commas(program ? program : "");

    if (!program && !p->failed)
        p->failed = -ENOENT;
    if (program)
        strv_push(&p->plan->helpers, program);
    return xasprintf("guestfwd=%s:%s:%" JSON_INTEGER_FORMAT "-cmd:%s %s %" JSON_INTEGER_FORMAT ",",
                     text_of(rule, "proto"), text_of(rule, "guest.address"),
                     port_of(rule, "guest.port"), path, text_of(rule, "host.address"),
                     port_of(rule, "host.port"));
}

/* The id of the built-in network. */
#define NETWORK "user.0"

/* The user's network of the built-in one's id, or the user's card on it: two would be refused. NULL
 * where there is none. */
static const char *given_network(const struct planner *p)
{
    return qemu_option_find_with(&p->given, "netdev", "id=" NETWORK);
}

static const char *given_card(const struct planner *p)
{
    const char *card = qemu_option_find_with(&p->given, "net", "netdev=" NETWORK);

    return card ? card : qemu_option_find_with(&p->given, "device", "netdev=" NETWORK);
}

static void say_replaced(struct planner *p, const char *what, const char *given)
{
    strv_pushf(&p->config->warnings,
               "virtualisation.qemu.networkingOptions: \"%s\" replaces the built-in %s", given,
               what);
}

static void add_card(struct planner *p, struct strv *words)
{
    if (given_card(p)) {
        say_replaced(p, "network card", given_card(p));
        return;
    }
    strv_push(words, "-net");
    strv_push(words, "nic,netdev=" NETWORK ",model=virtio");
}

static void add_user_network(struct planner *p, struct strv *words)
{
    struct strv parts CLEANUP_STRV = {0};
    const char *more = variables_get(&p->variables, "QEMU_NET_OPTS");
    json_t *rule;
    size_t i;

    if (given_network(p)) {
        say_replaced(p, "network " NETWORK, given_network(p));
        return;
    }
    strv_push(&parts, "user,id=" NETWORK ",");
    json_array_foreach (config_get(p->config, "virtualisation.forwardPorts"), i, rule) {
        bool from_guest = !streq(text_of(rule, "from"), "host");
        char *entry CLEANUP_FREE = xasprintf("virtualisation.forwardPorts.<entry %zu>", i + 1);
        char *source CLEANUP_FREE = config_origin_name(p->config, entry);
        char *part = from_guest ? guest_forwarding(p, rule) : host_forwarding(p, rule, entry);

        planner_need_ports(p, source, part);
        strv_take(&parts, part);
    }
    if (config_bool(p->config, "virtualisation.restrictNetwork"))
        strv_push(&parts, "restrict=on,");
    strv_push(&parts, more ? more : "");
    planner_need_ports(p, "environment: QEMU_NET_OPTS", more ? more : "");
    strv_push(words, "-netdev");
    strv_take(words, strv_join(&parts, ""));
}

/* A card on the virtual network `number`, as the `place`th one, if its switch is known. */
static void add_vlan(struct planner *p, size_t place, json_int_t number)
{
    json_int_t node = config_integer(p->config, "virtualisation.test.nodeNumber");
    char *variable CLEANUP_FREE = xasprintf("QEMU_VDE_SOCKET_%" JSON_INTEGER_FORMAT, number);
    const char *socket = variables_nonempty(&p->variables, variable);
    char *path CLEANUP_FREE = NULL;
    char *plain CLEANUP_FREE = NULL;

    if (!socket)
        return;
    plain = path_absolute(p->at->cwd, socket);
    path = path_double_commas(plain);
    strv_push(&p->plan->argv, "-device");
    strv_pushf(&p->plan->argv, "virtio-net-pci,netdev=vlan%zu,mac=52:54:00:12:%02X:%02X", place,
               (unsigned int)number, (unsigned int)node);
    strv_push(&p->plan->argv, "-netdev");
    strv_pushf(&p->plan->argv, "vde,id=vlan%zu,sock=%s", place, path);
}

/* Options each of which keeps QEMU from adding its own card, on a user network of its own. */
static const char *const network_options[] = {"nic", "netdev", "net"};

/* Keeps QEMU from adding its default card where no option names a network: the guest could reach
 * the host through it. */
static void refuse_default_card(struct planner *p)
{
    for (size_t i = 0; i < ELEMENTS(network_options); i++)
        if (qemu_option_find(&p->plan->argv, network_options[i]) ||
            qemu_option_find(&p->given, network_options[i]))
            return;
    strv_push(&p->plan->argv, "-nic");
    strv_push(&p->plan->argv, "none");
}

/* Whether the built-in user network is among the entries and not replaced. */
static bool has_user_network(const struct planner *p)
{
    json_t *entry;
    size_t i;

    json_array_foreach (config_get(p->config, "virtualisation.qemu.networkingOptions"), i, entry) {
        const char *name = json_string_value(json_object_get(entry, "builtin"));

        if (name && streq(name, "user-network"))
            return !given_network(p);
    }
    return false;
}

/* Says which settings are lost, since they are for the built-in user network. */
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

/* Whether the value of -nic, -net or -netdev is a way out of the guest, rather than a card. */
static bool is_way_out(const char *value)
{
    static const char *const cards[] = {"none", "nic", "type=none", "type=nic", "hubport"};
    size_t length = strcspn(value, ",");

    for (size_t i = 0; i < ELEMENTS(cards); i++)
        if (strlen(cards[i]) == length && !strncmp(value, cards[i], length))
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
    json_t *number;
    size_t i;

    planner_add_entries(p, "virtualisation.qemu.networkingOptions", builtins, ELEMENTS(builtins));
    json_array_foreach (config_get(p->config, "virtualisation.vlans"), i, number)
        add_vlan(p, i + 1, json_integer_value(number));
    refuse_default_card(p);
    warn_of_no_effect(p);
    warn_of_ways_out(p);
}
