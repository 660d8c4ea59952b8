/* SPDX-License-Identifier: MIT */
/* QEMU itself: the program, the machine, its memory and processors, our line to its monitor. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

#define MONITOR "run-vm.qmp"
#define CONTROL "run-vm.control"

/* A program of virtualisation.qemu.package, or on PATH; the caller frees. NULL: not there. */
static char *find_program(struct planner *p, const char *name)
{
    const char *package = config_text(p->config, "virtualisation.qemu.package");
    char *path CLEANUP_FREE = NULL;

    if (!package) {
        char *found = process_find(name, p->failed ? NULL : p->e);

        if (!found && !p->failed)
            p->failed = -ENOENT;
        return found;
    }
    path = xasprintf("%s/bin/%s", package, name);
    return access(path, X_OK) ? NULL : TAKE(path);
}

struct emulator {
    char *program;
    const char *machine;
};

/* The package's program for this guest, or the one that emulates its processor. */
static struct emulator find_emulator(struct planner *p)
{
    const struct platform *guest = p->guest;
    const char *package = config_text(p->config, "virtualisation.qemu.package");
    char *program = package ? find_program(p, guest->program) : NULL;

    if (program)
        return (struct emulator){program, guest->machine};
    program = find_program(p, guest->system);
    if (!program && package)
        config_problem(p->config, "virtualisation.qemu.package",
                       "%s has neither bin/%s nor bin/%s, expected QEMU for %s", package,
                       guest->program, guest->system, p->config->platform_name);
    if (!program && !package && !guest->cpu)
        (void)error_context(p->e, p->failed,
                            "nixpkgs.hostPlatform is \"%s\", which run-vm does not know",
                            p->config->platform_name);
    return (struct emulator){program, guest->sys_machine};
}

static void find_qemu_img(struct planner *p)
{
    for (size_t i = 0; i < p->plan->file_count && !p->plan->qemu_img; i++) {
        enum file_kind kind = p->plan->files[i].kind;

        if (kind != FILE_DISK_IMAGE && kind != FILE_DISK_OVERLAY && kind != FILE_BOOT_DISK)
            continue;
        p->plan->qemu_img = find_program(p, "qemu-img");
        if (!p->plan->qemu_img && !p->failed) {
            if (!config_has_problem(p->config, "virtualisation.qemu.package"))
                config_problem(p->config, "virtualisation.qemu.package",
                               "has no bin/qemu-img, expected QEMU and its tools");
            return;
        }
    }
}

static void add_accelerator(struct planner *p)
{
    struct accel accel CLEANUP_ACCEL = {0};
    enum accel_choice choice = planner_accelerator(p);

    p->emulated = choice == ACCEL_TCG;
    if (planner_replaced(p, "accel"))
        return;
    accel_choose(&accel, choice, p->guest);
    planner_push(p, "accel", accel.name);
    p->plan->accel_reason = TAKE(accel.reason);
    p->emulated = streq(accel.name, "tcg");
}

/* One is for whoever wants to talk to QEMU. The other is run-vm's, which is connected from the
 * start: a directory that is removed under the machine takes no connection away. */
static void add_monitors(struct planner *p)
{
    struct strv *argv = &p->plan->argv;

    p->plan->qmp_socket = planner_temporary(p, MONITOR);
    p->plan->control_socket = planner_temporary(p, CONTROL);
    strv_push(argv, "-qmp");
    strv_push(argv, "unix:" MONITOR ",server=on,wait=off");
    strv_push(argv, "-chardev");
    strv_push(argv, "socket,id=run-vm-control,path=" CONTROL);
    strv_push(argv, "-mon");
    strv_push(argv, "chardev=run-vm-control,mode=control");
}

static void add_name(struct planner *p)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    struct error e CLEANUP_ERROR = {0};
    const char *text = config_text(p->config, "system.name");
    char *name CLEANUP_FREE = NULL;

    variables.unset = EXPAND_UNSET_ERROR; /* files are named after it */
    name = expand_quoted(text ? text : "", &variables, &e);
    if (!name) {
        config_text_problem(p->config, "system.name", text, e.message);
        return;
    }
    strv_push(&p->plan->argv, "-name");
    strv_take(&p->plan->argv, path_double_commas(name));
}

static void add_number(struct planner *p, const char *ours, const char *option)
{
    char *number CLEANUP_FREE =
        xasprintf("%" JSON_INTEGER_FORMAT, config_integer(p->config, option));

    planner_push(p, ours, number);
}

/* Memory that another process can map: without it a device on virtiofs fails obscurely. */
static void add_shared_memory(struct planner *p)
{
    if (planner_replaced(p, "memory-backend"))
        return;
    if (qemu_option_find(&p->given, "mem-path"))
        config_problem(p->config, "virtualisation.qemu.options",
                       "has -mem-path, expected \"-object "
                       "memory-backend-file,id=ID,mem-path=PATH,size=SIZE,share=on -machine "
                       "memory-backend=ID\": virtiofs takes memory that its server can map");
    strv_push(&p->plan->argv, "-object");
    strv_pushf(&p->plan->argv, "memory-backend-memfd,id=run-vm-memory,size=%" PRIu64 ",share=on",
               planner_memory(p));
    strv_push(&p->plan->argv, "-machine");
    strv_push(&p->plan->argv, "memory-backend=run-vm-memory");
}

/* q35 wants a port named for each IDE drive, which the specification's command does not do: QEMU's
 * default machine finds places for two. */
static const char *choose_machine(const struct planner *p, const struct emulator *emulator)
{
    bool unnamed = p->disks->ports && !p->dialect->named_ports && p->guest->family == FAMILY_X86;

    return unnamed ? NULL : emulator->machine;
}

void plan_machine(struct planner *p)
{
    struct strv *argv = &p->plan->argv;
    struct emulator emulator = find_emulator(p);
    const char *machine = choose_machine(p, &emulator);

    find_qemu_img(p);
    strv_take(argv, emulator.program ? emulator.program : xstrdup(""));
    if (machine)
        planner_push(p, "machine", machine);
    add_accelerator(p);
    if (p->guest->model)
        planner_push(p, "cpu", p->guest->model);
    add_monitors(p);
    plan_sandbox(p);
    add_name(p);
    add_number(p, "m", "virtualisation.memorySize");
    add_number(p, "smp", "virtualisation.cores");
    if (planner_uses_virtiofs(p))
        add_shared_memory(p);
    strv_push(argv, "-device");
    strv_push(argv, "virtio-rng-pci");
}
