/* SPDX-License-Identifier: MIT */
#include "host/plan/build.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuargv.h"
#include "host/plan/planner.h"

/* QEMU runs in the temporary directory, and puts temporary files of its own there too. */
static void set_environment(struct planner *p)
{
    strv_pushf(&p->plan->environment, "TMPDIR=%s", p->plan->cwd);
}

static void (*const steps[])(struct planner *p) = {
    plan_places, plan_given, plan_checks,  plan_files,   plan_machine,    plan_network, plan_shares,
    plan_drives, plan_exec,  plan_options, plan_effects, set_environment, plan_roots,
};

int plan_build(struct plan *plan, struct config *config, const struct plan_options *options,
               const struct surroundings *at, struct error *e)
{
    struct planner p = {
        .plan = plan,
        .config = config,
        .options = options,
        .at = at,
        .guest = config->platform,
        .disks = config->disk_interface,
        .variables = {.environment = at->environment},
        .dialect = dialect_find(config_text(config, "runVm.initrd")),
        .e = e,
    };

    guest_params_init(&p.params);
    plan->store_prefix = xstrdup(config_text(config, "runVm.store"));
    plan->cache_size = config->cache_size;
    plan->undo = p.dialect->undo;
    plan->quits = options->runner;
    for (size_t i = 0; i < ELEMENTS(steps); i++)
        steps[i](&p);
    qemuargv_write(&plan->machine, &plan->argv);
    strv_extend(&plan->warnings, &config->warnings);
    variables_free(&p.variables);
    guest_params_free(&p.params);
    cmdline_free(&p.kernel_words);
    free(p.disk_image);
    free(p.efi_vars);
    free(p.reg_info);
    strv_free(&p.given);
    if (config->problems.count)
        return -EINVAL;
    return p.failed;
}
