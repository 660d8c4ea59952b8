/* SPDX-License-Identifier: MIT */
/* Plans the guest's EFI firmware: its code, its variables, and the machine that it needs. */
#include "base/alloc.h"
#include "host/config/firmware.h"
#include "host/plan/planner.h"

#define CODE      "virtualisation.efi.firmware"
#define VARIABLES "virtualisation.efi.variables"
#define PACKAGE   "virtualisation.efi.OVMF"

/* Finds the file that an option names, on the host; the caller frees. NULL after a problem. */
static char *find_file(struct planner *p, const char *option)
{
    const char *given = config_text(p->config, option);
    const char *cause =
        config_is_set(p->config, PACKAGE) && !config_is_set(p->config, option) ? PACKAGE : option;

    if (!given) {
        config_problem(
            p->config, option, "is not set, and run-vm knows no firmware%s for %s, expected a path",
            config_bool(p->config, "virtualisation.useSecureBoot") ? " with secure boot" : "",
            p->config->platform_name);
        return NULL;
    }
    char *found = planner_host_path(p, cause, given);
    planner_need(p, cause, found ? found : "", NEED_FILE);
    return found;
}

/* Finds the initial content of the EFI variables; the caller frees. A boot disk comes with the
 * variables that the installation of its loader has set. */
static char *first_variables(struct planner *p)
{
    if (!config_bool(p->config, "virtualisation.efi.keepVariables"))
        return find_file(p, VARIABLES);
    if (p->plan->boot_disk.toplevel)
        return planner_temporary(p, PLANNER_BOOT_VARIABLES);
    if (config_bool(p->config, "virtualisation.useBootLoader") &&
        config_text(p->config, "system.build.bootDisk"))
        return planner_store_file(p, "system.build.bootDisk", "efi-vars.fd");
    return find_file(p, VARIABLES);
}

void plan_efi_variables(struct planner *p)
{
    if (p->efi_vars)
        planner_add_file(p, FILE_COPY, xstrdup(p->efi_vars), first_variables(p));
}

/* Only q35 has system management mode as the firmware needs it. */
static void check_machine(struct planner *p)
{
    if (!planner_has_own_machine(p))
        config_problem(p->config, "virtualisation.qemu.options",
                       "has a machine that is not q35, expected that type: the EFI firmware needs "
                       "its system management mode");
    else if (!model_find(&p->plan->machine, MODEL_TYPE) && !planner_replaced(p, MODEL_TYPE))
        config_problem(p->config, "virtualisation.qemu.diskInterface",
                       "is \"ide\", expected \"virtio\" or \"scsi\": the EFI firmware needs system "
                       "management mode, which QEMU's default machine does not have");
}

void plan_firmware(struct planner *p)
{
    bool smm = firmware_needs_smm(p->config);
    char *code = find_file(p, CODE);

    if (smm)
        check_machine(p);
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_FIRMWARE,
                                  .firmware = {.code = code ? code : xstrdup(""),
                                               .variables = xstrdup(p->efi_vars ? p->efi_vars : ""),
                                               .smm = smm}});
}
