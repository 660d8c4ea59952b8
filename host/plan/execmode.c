/* SPDX-License-Identifier: MIT */
#include "host/plan/execmode.h"

#include <string.h>

#include "base/alloc.h"
#include "common/frame.h"
#include "host/config/setting.h"
#include "host/plan/planner.h"

#define SOCKET "run-vm.exec"

int execmode_configure(struct config *config, struct error *e)
{
    int r = setting_add(config, "virtualisation.graphics=false", e);

    return r < 0 ? r : setting_add_default(config, "runVm.guestNetwork=true", e);
}

/* Reports a start without our init, which runs the command. */
static void check_command(struct planner *p)
{
    if (!p->dialect->own_init)
        config_problem(p->config, "runVm.initrd",
                       "is \"system\", expected \"builtin\": --exec needs an init that knows it");
    if (planner_boots_foreign(p))
        config_problem(p->config, "virtualisation.directBoot.enable",
                       "is false, expected true: --exec has to tell the kernel, which the boot "
                       "loader on the disk starts with parameters of its own");
    else if (!config_bool(p->config, "virtualisation.directBoot.enable"))
        config_problem(
            p->config, "virtualisation.useBootLoader",
            "is true, expected false: --exec has to tell the kernel, which a boot loader "
            "starts with parameters of its own (-o virtualisation.useBootLoader=false)");
}

static void resolve_command(struct planner *p)
{
    struct error e CLEANUP_ERROR = {0};
    if (guestcommand_resolve(&p->plan->exec, &p->options->exec, p->at->environment, &e) < 0)
        strv_push(&p->config->problems, e.message);
}

/* The port through which the guest and run-vm talk. */
static void add_port(struct planner *p)
{
    p->plan->exec_socket = planner_temporary(p, SOCKET);
    model_add(&p->plan->machine,
              (struct model_item){
                  .kind = MODEL_CHANNEL,
                  .channel = {.chardev = {.id = xstrdup("run-vm-exec"), .path = xstrdup(SOCKET)},
                              .port = xstrdup(FRAME_PORT)}});
}

void plan_exec(struct planner *p)
{
    if (!p->options->exec.arguments.count)
        return;
    check_command(p);
    resolve_command(p);
    p->params.exec = true;
    p->params.on_fail = ON_FAIL_POWEROFF; /* nobody can answer a prompt */
    p->lends_modules = true;              /* the root may be another distribution's */
    /* a kernel that panics restarts at once, which ends QEMU */
    cmdline_add(&p->kernel_words, "panic", "-1");
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_NO_REBOOT});
    add_port(p);
    planner_add_module(p, "virtio_console");
}
