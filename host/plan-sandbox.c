/* SPDX-License-Identifier: MIT */
/* QEMU shut into a sandbox of its own (seccomp), as tightly as the configuration allows: what a
 * guest that has taken QEMU over may still ask of the host's kernel. */
#include <string.h>

#include "common/alloc.h"
#include "host/planner.h"

/* Whether the user has given options for QEMU, which may call for anything. */
static bool has_user_options(const struct planner *p)
{
    static const char *const lists[] = {"virtualisation.qemu.options",
                                        "virtualisation.qemu.networkingOptions"};
    json_t *entry;
    size_t i;

    for (size_t j = 0; j < ELEMENTS(lists); j++)
        json_array_foreach (config_get(p->config, lists[j]), i, entry)
            if (json_is_string(entry))
                return true;
    return p->options->qemu_arguments.count || variables_nonempty(&p->variables, "QEMU_OPTS") ||
           variables_nonempty(&p->variables, "QEMU_NET_OPTS");
}

/* A forwarding from the guest has QEMU start a program for each connection. */
static bool starts_programs(const struct planner *p)
{
    json_t *rule;
    size_t i;

    json_array_foreach (config_get(p->config, "virtualisation.forwardPorts"), i, rule)
        if (!strcmp(json_string_value(json_object_get(rule, "from")), "guest"))
            return true;
    return false;
}

/* A window's libraries set the priority of their threads, and may start programs. A program that
 * QEMU starts begins a session of its own: setsid counts as elevating privileges. */
void plan_sandbox(struct planner *p)
{
    bool plain = !has_user_options(p);
    bool window = config_bool(p->config, "virtualisation.graphics");
    bool alone = plain && !starts_programs(p);

    if (!config_bool(p->config, "runVm.sandbox") || planner_replaced(p, "sandbox"))
        return;
    strv_push(&p->plan->argv, "-sandbox");
    strv_pushf(&p->plan->argv, "on,obsolete=deny%s%s%s", alone ? ",elevateprivileges=deny" : "",
               alone && !window ? ",spawn=deny" : "",
               plain && !window ? ",resourcecontrol=deny" : "");
}
