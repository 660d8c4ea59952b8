/* SPDX-License-Identifier: MIT */
/* The network: the user network with its forwarded ports, and virtual networks. */
#include <errno.h>
#include <string.h>

#include "common/alloc.h"
#include "host/paths.h"
#include "host/planner.h"
#include "host/process.h"

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
static char *host_forwarding(struct planner *p, const json_t *rule)
{
    char *host CLEANUP_FREE =
        planner_expand_item(p, "virtualisation.forwardPorts", text_of(rule, "host.address"));
    char *guest CLEANUP_FREE =
        planner_expand_item(p, "virtualisation.forwardPorts", text_of(rule, "guest.address"));

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

static void add_card(struct planner *p, struct strv *words)
{
    (void)p;
    strv_push(words, "-net");
    strv_push(words, "nic,netdev=user.0,model=virtio");
}

static void add_user_network(struct planner *p, struct strv *words)
{
    struct strv parts CLEANUP_STRV = {0};
    const char *more = variables_get(&p->variables, "QEMU_NET_OPTS");
    json_t *rule;
    size_t i;

    strv_push(&parts, "user,id=user.0,");
    json_array_foreach (config_get(p->config, "virtualisation.forwardPorts"), i, rule)
        strv_take(&parts, strcmp(text_of(rule, "from"), "host") ? guest_forwarding(p, rule)
                                                                : host_forwarding(p, rule));
    if (config_bool(p->config, "virtualisation.restrictNetwork"))
        strv_push(&parts, "restrict=on,");
    strv_push(&parts, more ? more : "");
    strv_push(words, "-netdev");
    strv_take(words, strv_join(&parts, ""));
}

/* A card on the virtual network `number`, as the `place`th one, if its switch is known. */
static void add_vlan(struct planner *p, size_t place, json_int_t number)
{
    static const char vlans[] = "virtualisation.vlans";
    json_int_t node = config_integer(p->config, "virtualisation.test.nodeNumber");
    char *variable CLEANUP_FREE = xasprintf("QEMU_VDE_SOCKET_%" JSON_INTEGER_FORMAT, number);
    const char *socket = variables_nonempty(&p->variables, variable);
    char *path CLEANUP_FREE = NULL;
    char *plain CLEANUP_FREE = NULL;

    if (!socket)
        return;
    if (number > 255 || node > 255) {
        config_problem(p->config, number > 255 ? vlans : "virtualisation.test.nodeNumber",
                       "is %" JSON_INTEGER_FORMAT ", expected at most 255: it is a byte of the "
                       "card's address",
                       number > 255 ? number : node);
        return;
    }
    plain = path_absolute(p->at->cwd, socket);
    path = path_double_commas(plain);
    strv_push(&p->plan->argv, "-device");
    strv_pushf(&p->plan->argv, "virtio-net-pci,netdev=vlan%zu,mac=52:54:00:12:%02X:%02X", place,
               (unsigned int)number, (unsigned int)node);
    strv_push(&p->plan->argv, "-netdev");
    strv_pushf(&p->plan->argv, "vde,id=vlan%zu,sock=%s", place, path);
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
}
