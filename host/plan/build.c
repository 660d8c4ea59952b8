/* SPDX-License-Identifier: MIT */
#include "host/plan/build.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuargv.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* QEMU runs in the temporary directory, and puts temporary files of its own there too. */
static void set_environment(struct planner *p)
{
    strv_pushf(&p->plan->environment, "TMPDIR=%s", p->plan->cwd);
}

static void (*const steps[])(struct planner *p) = {
    plan_places,  plan_given,   plan_checks,  plan_files,      plan_machine,
    plan_network, plan_shares,  plan_drives,  plan_exec,       plan_agent,
    plan_warm,    plan_options, plan_effects, set_environment, plan_roots,
};

/* True if a signal makes QEMU quit at once. By default it does in place of the script of
 * qemu-vm.nix, which NixOS's test driver ends so. */
static bool quits(const struct config *config, const struct plan_options *options)
{
    const char *wanted = config_text(config, "runVm.onTerm");

    if (options->on_term != ON_TERM_AUTO)
        return options->on_term == ON_TERM_QUIT;
    return wanted ? streq(wanted, "quit") : options->runner;
}

/* Names what the guest's root is on: its disk image, or a tree. The caller frees; NULL: neither. */
static char *root_image(struct planner *p)
{
    if (p->disk_image)
        return TAKE(p->disk_image);
    return p->options->root_dir ? path_absolute(p->at->cwd, p->options->root_dir) : NULL;
}

static void free_planner(struct planner *p)
{
    variables_free(&p->variables);
    guest_params_free(&p->params);
    cmdline_free(&p->kernel_words);
    free(p->disk_image);
    free(p->efi_vars);
    free(p->tpm_state);
    free(p->reg_info);
    free(p->given_root);
    strv_free(&p->given);
}

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
        .dialect = dialect_find(config_text(config, "virtualisation.directBoot.initrd")
                                    ? "system"
                                    : config_text(config, "runVm.initrd")),
        .e = e,
    };

    guest_params_init(&p.params);
    plan->store_prefix = xstrdup(config_text(config, "runVm.store"));
    plan->cache_size = config->cache_size;
    plan->self_contained = options->directory != NULL;
    plan->by_libvirt = options->directory || config->elsewhere;
    plan->undo = p.dialect->undo;
    plan->quits = quits(config, options);
    for (size_t i = 0; i < ELEMENTS(steps); i++)
        steps[i](&p);
    qemuargv_write(&plan->machine, &plan->argv);
    strv_extend(&plan->warnings, &config->warnings);
    plan->image = root_image(&p);
    free_planner(&p);
    if (config->problems.count)
        return -EINVAL;
    return p.failed;
}
