/* SPDX-License-Identifier: MIT */
/* Plans the port on which our init reports its boot. With --exec the report is on that channel,
 * except for the marks of a chart. */
#include "base/alloc.h"
#include "common/report.h"
#include "host/plan/planner.h"

#define SOCKET "run-vm.report"

void plan_report(struct planner *p)
{
    /* a boot loader starts the initrd that the system has installed */
    bool exec = p->plan->exec.arguments.count && !p->options->boot_chart;
    if (!p->plan->initrd.init || exec || p->guest->family != FAMILY_X86)
        return;
    p->plan->report_socket = planner_temporary(p, SOCKET);
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_DEBUG_PORT,
                                  .debug_port = {.chardev = {.id = xstrdup("run-vm-report"),
                                                             .path = xstrdup(SOCKET)},
                                                 .address = REPORT_PORT,
                                                 .readback = REPORT_READBACK}});
}
