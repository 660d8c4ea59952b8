/* SPDX-License-Identifier: MIT */
/* Plans the guest's TPM, and swtpm, which emulates it. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/units.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

#define ID     "run-vm-tpm"
#define SOCKET "tpm.sock"

/* The log of measurements that the firmware keeps for a TPM. */
#define LOG_BYTES (MIB / 16)

/* Finds a program; the caller frees. NULL: there is none, and the planner has failed. */
static char *find(struct planner *p, const char *option, const char *name)
{
    char *found = process_find(name, p->failed ? NULL : p->e);

    if (!found && !p->failed) {
        p->failed = -ENOENT;
        (void)error_context(p->e, p->failed, "%s", option);
    }
    return found;
}

static char *find_swtpm(struct planner *p)
{
    const char *package = config_text(p->config, "virtualisation.tpm.package");
    char *inside CLEANUP_FREE = package ? xasprintf("%s/bin/swtpm", package) : NULL;
    char *found = inside ? process_find(inside, NULL) : NULL;

    if (found)
        return found;
    return package ? find(p, "virtualisation.tpm.package", package)
                   : find(p, "virtualisation.tpm", "swtpm");
}

static char *find_provisioning(struct planner *p)
{
    static const char option[] = "virtualisation.tpm.provisioning";
    const char *program = config_text(p->config, option);

    if (!program)
        return NULL;
    if (strpbrk(program, " \t\n")) {
        config_problem(p->config, option,
                       "is a command or a script, expected the path of a program, or a name on "
                       "PATH");
        return NULL;
    }
    return find(p, option, program);
}

void plan_tpm(struct planner *p)
{
    static const char option[] = "virtualisation.tpm.deviceModel";
    struct plan_tpm *tpm = &p->plan->tpm;
    const char *model = config_text(p->config, option);

    if (!config_bool(p->config, "virtualisation.tpm.enable"))
        return;
    if (!model)
        config_problem(p->config, option, "has no default for %s, expected a TPM of QEMU's",
                       p->config->platform_name);
    char *program CLEANUP_FREE = find_swtpm(p);
    *tpm = (struct plan_tpm){.program = program ? path_absolute(p->at->cwd, program) : NULL,
                             .state = xstrdup(p->tpm_state ? p->tpm_state : ""),
                             .socket = planner_temporary(p, SOCKET),
                             .provisioning = find_provisioning(p),
                             .sandboxed = config_bool(p->config, "runVm.sandbox")};
    p->firmware_bytes += LOG_BYTES;
    planner_add_file(p, FILE_TPM_STATE, xstrdup(tpm->state), NULL);
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_TPM,
                                  .tpm = {.chardev = {.id = xstrdup(ID), .path = xstrdup(SOCKET)},
                                          .driver = xstrdup(model ? model : "")}});
}
