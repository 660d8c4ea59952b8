/* SPDX-License-Identifier: MIT */
#include "host/run/machinefacts.h"

#include <stddef.h>

#include "base/cleanup.h"

static json_t *describe_forward(const struct model_forward *forward)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:I}", "protocol", forward->protocol, "hostAddress",
                     forward->host_address, "hostPort", (json_int_t)forward->host_port,
                     "guestAddress", forward->guest_address, "guestPort",
                     (json_int_t)forward->guest_port);
}

static json_t *describe_ports(const struct model *machine)
{
    json_t *ports = json_array();
    for (size_t i = 0; i < machine->count; i++) {
        const struct model_item *item = &machine->items[i];
        const struct model_network *network = &item->network;
        for (size_t j = 0; item->kind == MODEL_NETWORK && j < network->forward_count; j++)
            if (!network->forwards[j].from_guest)
                (void)json_array_append_new(ports, describe_forward(&network->forwards[j]));
    }
    return ports;
}

static void add_number(json_t *facts, const char *key, const struct model *machine,
                       enum model_kind kind)
{
    const struct model_item *item = model_find(machine, kind);
    if (item)
        (void)json_object_set_new(facts, key, json_integer((json_int_t)item->number));
}

/* Texts of the plan; NULL: the machine has none. */
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    {"image", offsetof(struct plan, image)},
    {"directory", offsetof(struct plan, cwd)},
    {"agent", offsetof(struct plan, agent_socket)},
    {"monitor", offsetof(struct plan, qmp_socket)},
    {"console", offsetof(struct plan, console_socket)},
};

json_t *machinefacts_describe(const struct plan *plan)
{
    json_t *facts = json_object();
    add_number(facts, "memory", &plan->machine, MODEL_MEMORY);
    add_number(facts, "cores", &plan->machine, MODEL_CORES);
    (void)json_object_set_new(facts, "ports", describe_ports(&plan->machine));
    (void)json_object_set_new(facts, "sshKey", json_boolean(plan_gives_key(plan)));
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        const char *text = *(char *const *)((const char *)plan + texts[i].offset);
        if (text)
            (void)json_object_set_new(facts, texts[i].key, json_string(text));
    }
    return facts;
}
