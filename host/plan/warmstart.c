/* SPDX-License-Identifier: MIT */
/* Plans a start from a snapshot: the guest waits before it touches anything that belongs to one
 * run. A machine of which a snapshot could know too much, or that cannot be saved, starts cold. */
#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/planner.h"

#define OPTION "runVm.warmStart"

static bool is_not_emulated(const struct planner *p)
{
    return !p->emulated;
}

static bool is_not_x86(const struct planner *p)
{
    return p->guest->family != FAMILY_X86;
}

static bool has_given_options(const struct planner *p)
{
    return p->given.count > 0 || variables_nonempty(&p->variables, "QEMU_NET_OPTS");
}

/* A disk of another bus is known to its controller, whose state the snapshot would have. */
static bool has_other_disk(const struct planner *p)
{
    const struct model *machine = &p->plan->machine;

    for (size_t i = 0; i < machine->count; i++)
        if (machine->items[i].kind == MODEL_DRIVE &&
            !streq(machine->items[i].drive.driver, "virtio-blk-pci"))
            return true;
    return false;
}

static bool has_virtual_network(const struct planner *p)
{
    const struct model *machine = &p->plan->machine;

    for (size_t i = 0; i < machine->count; i++)
        if (machine->items[i].kind == MODEL_CARD && machine->items[i].card.mac)
            return true;
    return false;
}

static bool has_credential(const struct planner *p)
{
    return p->config->credentials.count > 0;
}

static bool has_shared_memory(const struct planner *p)
{
    return model_find(&p->plan->machine, MODEL_SHARED_MEMORY) != NULL;
}

static bool has_chart(const struct planner *p)
{
    return p->options->boot_chart != NULL;
}

static bool has_tpm(const struct planner *p)
{
    return config_bool(p->config, "virtualisation.tpm.enable");
}

static bool has_firmware(const struct planner *p)
{
    return config_bool(p->config, "virtualisation.useEFIBoot") ||
           config_text(p->config, "virtualisation.bios");
}

static bool has_display(const struct planner *p)
{
    return config_bool(p->config, "virtualisation.graphics");
}

static const struct {
    bool (*applies)(const struct planner *p);
    const char *reason;
} obstacles[] = {
    {is_not_x86, "the guest's processor is not an x86"},
    {is_not_emulated, "the accelerator is KVM, and a snapshot is for TCG"},
    {has_other_disk, "the machine has a disk that is not a virtio disk "
                     "(virtualisation.qemu.diskInterface)"},
    {planner_uses_virtiofs, "a share is on virtiofs, which needs memory that its server can map"},
    {has_shared_memory, "virtualisation.qemu.enableSharedMemory is true"},
    {has_virtual_network, "the machine has a card on a virtual network"},
    {has_credential, "the machine has credentials, which a snapshot must not know"},
    {has_tpm, "the machine has a TPM"},
    {has_firmware, "the machine has firmware of its own"},
    {has_display, "the machine has a display"},
    {has_chart, "a chart is drawn of a whole boot"},
    {has_given_options, "QEMU is given options (virtualisation.qemu.options, QEMU_OPTS, "
                        "QEMU_NET_OPTS, or behind --) whose effect run-vm does not know"},
};

/* Warns of --warm where there is no command. The option in a file is for those starts that have
 * one.
 */
static void warn_of_no_command(struct planner *p)
{
    char *name CLEANUP_FREE = config_origin_name(p->config, OPTION);

    if (startswith(name, "-"))
        strv_pushf(&p->config->warnings, "%s has no effect: there is no command (--exec).", name);
}

void plan_warm(struct planner *p)
{
    if (!config_bool(p->config, OPTION))
        return;
    if (!p->plan->exec.arguments.count) {
        warn_of_no_command(p);
        return;
    }
    for (size_t i = 0; i < ELEMENTS(obstacles) && !p->plan->warm_obstacle; i++)
        if (obstacles[i].applies(p))
            p->plan->warm_obstacle = xstrdup(obstacles[i].reason);
    p->plan->warm = p->params.warm = !p->plan->warm_obstacle;
}
