/* SPDX-License-Identifier: MIT */
/* The channel on which our init tells of its boot. --exec has one of its own. */
#include "common/report.h"
#include "host/plan/planner.h"

#define SOCKET "run-vm.report"

void plan_report(struct planner *p)
{
    struct strv *argv = &p->plan->argv;

    /* a boot loader starts whatever initrd the system has */
    if (!p->plan->initrd.init || p->plan->exec.count || p->guest->family != FAMILY_X86)
        return;
    p->plan->report_socket = planner_temporary(p, SOCKET);
    strv_push(argv, "-chardev");
    strv_push(argv, "socket,id=run-vm-report,path=" SOCKET);
    strv_push(argv, "-device");
    strv_pushf(argv, "isa-debugcon,iobase=%#x,readback=%#x,chardev=run-vm-report",
               (unsigned int)REPORT_PORT, (unsigned int)REPORT_READBACK);
}
