/* SPDX-License-Identifier: MIT */
/* Plans the agent that our init leaves in the guest, and its ports (common/frame.h). */
#include "base/alloc.h"
#include "common/frame.h"
#include "host/plan/planner.h"

#define CONTROLLER "run-vm-session-0"

static void add_port(struct planner *p, int number)
{
    struct model_chardev chardev = {.id = xasprintf("run-vm-session-%d", number),
                                    .path = xasprintf(FRAME_AGENT_PORT "%d", number),
                                    .listens = true};
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_CHANNEL,
                                  .channel = {.chardev = chardev,
                                              .controller = number > 0 ? xstrdup(CONTROLLER) : NULL,
                                              .port = xasprintf(FRAME_AGENT_PORT "%d", number)}});
}

void plan_agent(struct planner *p)
{
    if (!config_bool(p->config, "runVm.agent") || !planner_has_own_init(p))
        return;
    p->plan->agent_socket = planner_temporary(p, FRAME_AGENT_PORT "0");
    p->params.agent = true;
    planner_add_module(p, "virtio_console");
    for (int i = 0; i < FRAME_AGENT_PORTS; i++)
        add_port(p, i);
}
