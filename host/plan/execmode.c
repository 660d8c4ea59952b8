/* SPDX-License-Identifier: MIT */
/* --exec: the port that the guest and run-vm talk through. */
#include <string.h>

#include "base/alloc.h"
#include "common/frame.h"
#include "host/plan/planner.h"

#define SOCKET "run-vm.exec"

/* What cannot be: there is no init of ours to run the command, or an argument that no Linux takes.
 */
static void check(struct planner *p)
{
    const struct strv *exec = &p->options->exec;

    if (!p->dialect->own_init)
        config_problem(p->config, "runVm.initrd",
                       "is \"system\", expected \"builtin\": --exec needs an init that knows it");
    if (config_bool(p->config, "virtualisation.useBootLoader"))
        config_problem(
            p->config, "virtualisation.useBootLoader",
            "is true, expected false: --exec has to tell the kernel, which a boot loader "
            "starts with parameters of its own (-o virtualisation.useBootLoader=false)");
    for (size_t i = 0; i < exec->count; i++)
        if (strlen(exec->items[i]) >= FRAME_MAX)
            config_problem(p->config, "--exec",
                           "argument %zu is %zu bytes long, expected fewer than %d: Linux takes no "
                           "longer one",
                           i, strlen(exec->items[i]), FRAME_MAX);
}

void plan_exec(struct planner *p)
{
    struct strv *argv = &p->plan->argv;

    if (!p->options->exec.count)
        return;
    check(p);
    strv_extend(&p->plan->exec, &p->options->exec);
    p->plan->exec_socket = planner_temporary(p, SOCKET);
    strv_push(argv, "-no-reboot"); /* a kernel that panics restarts: that is the end */
    strv_push(argv, "-chardev");
    strv_push(argv, "socket,id=run-vm-exec,path=" SOCKET);
    strv_push(argv, "-device");
    strv_push(argv, "virtio-serial-pci,id=run-vm-exec");
    strv_push(argv, "-device");
    strv_push(argv, "virtserialport,bus=run-vm-exec.0,chardev=run-vm-exec,name=" FRAME_PORT);
}
