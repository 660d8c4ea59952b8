/* SPDX-License-Identifier: MIT */
#include "host/commands/announce.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "host/system/statusline.h"

static const char *const leaving[] = {
    [PLAN_CONSOLE_STREAMS] = "Ctrl-A X quits QEMU",
    [PLAN_CONSOLE_AND_MONITOR] = "Ctrl-A X quits QEMU, Ctrl-A C is its monitor",
    [PLAN_CONSOLE_WINDOW] = "in QEMU's window; Ctrl-C here powers it down",
};

/* Appends "host port 2222 is guest port 22" for each port of the host that leads to the guest. */
static void list_ports(const struct model *machine, struct strv *ways)
{
    for (size_t i = 0; i < machine->count; i++) {
        const struct model_item *item = &machine->items[i];
        for (size_t j = 0; item->kind == MODEL_NETWORK && j < item->network.forward_count; j++) {
            const struct model_forward *forward = &item->network.forwards[j];
            if (!forward->from_guest)
                strv_pushf(ways, "host port %" PRIu64 " is guest port %" PRIu64, forward->host_port,
                           forward->guest_port);
        }
    }
}

char *announce_format(const struct plan *plan, const char *name)
{
    if (plan->exec.arguments.count > 0 || plan->console == PLAN_CONSOLE_ELSEWHERE)
        return NULL;
    struct strv ways CLEANUP_STRV = {0};
    strv_push(&ways, leaving[plan->console]);
    list_ports(&plan->machine, &ways);
    char *joined CLEANUP_FREE = strv_join(&ways, "; ");
    return xasprintf("%s%s: %s", name ? "machine " : "the machine", name ? name : "", joined);
}

char *announce_commands(const struct plan *plan, const char *name)
{
    if (!name)
        return NULL;
    if (plan->agent_socket)
        return xasprintf("in another terminal: run-vm exec %s, run-vm ssh %s", name, name);
    return plan_gives_key(plan) ? xasprintf("in another terminal: run-vm ssh %s", name) : NULL;
}

void announce(const struct plan *plan, const char *name)
{
    char *line CLEANUP_FREE = announce_format(plan, name);
    char *commands CLEANUP_FREE = announce_commands(plan, name);
    if (!line || statusline_terminal() == STATUSLINE_NONE)
        return;
    log_info("%s", line);
    if (commands)
        log_info("%s", commands);
}

void announce_warnings(const struct plan *plan, bool starts)
{
    for (size_t i = 0; i < plan->warnings.count; i++)
        log_warning("warning: %s", plan->warnings.items[i]);
    if (plan->vnc_socket && starts)
        log_info("display: VNC on the socket %s", plan->vnc_socket);
    if (plan->accel_reason && starts)
        log_info("accelerator TCG, which is slow: %s", plan->accel_reason);
}
