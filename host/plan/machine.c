/* SPDX-License-Identifier: MIT */
/* Plans QEMU's program, the type of the machine, its memory and processors, and the monitors. */
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/process.h"

#define MONITOR    "run-vm.qmp"
#define CONTROL    "run-vm.control"
#define CONTROL_ID "run-vm-control"

/* Finds a program in virtualisation.qemu.package, or on PATH if no package is set. The caller
 * frees; NULL: there is no such program. */
static char *find_program(struct planner *p, const char *name)
{
    const char *package = config_text(p->config, "virtualisation.qemu.package");

    if (!package) {
        char *found = process_find(name, p->failed ? NULL : p->e);

        if (!found && !p->failed)
            p->failed = -ENOENT;
        return found;
    }
    char *path CLEANUP_FREE = xasprintf("%s/bin/%s", package, name);

    return access(path, X_OK) ? NULL : TAKE(path);
}

struct emulator {
    char *program;
    const char *machine;
};

/* Finds the package's program for this guest, or else the emulator of its processor. */
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
    static const char force[] = "virtualisation.qemu.forceAccel";
    struct accel accel CLEANUP_ACCEL = {0};
    enum accel_choice choice = planner_accelerator(p);

    p->emulated = choice == ACCEL_TCG;
    if (p->emulated && p->options->accel == (int)ACCEL_AUTO && config_bool(p->config, force))
        config_problem(p->config, force,
                       "is true, but an option for QEMU names TCG, expected false, or no such "
                       "option");
    if (planner_replaced(p, MODEL_ACCELERATOR))
        return;
    accel_choose(&accel, choice, p->guest);
    if (accel.reason && config_bool(p->config, force))
        config_problem(p->config, force,
                       "is true, but KVM cannot be used: %s; expected false, or --accel tcg",
                       accel.reason);
    planner_choose(p, MODEL_ACCELERATOR, accel.name);
    p->plan->accel_reason = TAKE(accel.reason);
    p->emulated = streq(accel.name, "tcg");
}

/* Without these features Linux and glibc copy memory in words or vectors, and not by `rep movsb`,
 * which TCG executes a byte at a time. */
#define FAST_COPIES ",erms=off,fsrm=off"

/* Signs pointers by a hash of QEMU's own: TCG takes more than half of a boot's time for that of the
 * architecture. */
#define FAST_SIGNATURES ",pauth-impdef=on"

/* TCG's time stamp counter has the host's rate. QEMU never offers to say that it is invariant, and
 * so has to be forced. Linux then takes it for the clock of several processors, too, and times one
 * of them only: each of the others would wait half a second. */
#define INVARIANT_TSC ",invtsc=on,x-force-features=on,check=off"

/* True if the guest has several processors, and the host a counter that suits them. */
static bool has_invariant_tsc(const struct planner *p)
{
    if (config_integer(p->config, "virtualisation.cores") < 2)
        return false;
    char *cpuinfo CLEANUP_FREE = accel_cpuinfo();

    return accel_has_invariant_tsc(cpuinfo);
}

static void add_processor(struct planner *p)
{
    bool tuned = p->emulated && p->dialect->suits_tcg;
    bool x86 = tuned && p->guest->family == FAMILY_X86;
    bool aarch64 = tuned && p->guest->cpu && streq(p->guest->cpu, "aarch64");

    if (!p->guest->model)
        return;
    char *model CLEANUP_FREE =
        xasprintf("%s%s%s%s", p->guest->model, x86 ? FAST_COPIES : "",
                  x86 && has_invariant_tsc(p) ? INVARIANT_TSC : "", aarch64 ? FAST_SIGNATURES : "");

    planner_choose(p, MODEL_PROCESSOR, model);
}

/* Adds a monitor for any client, on a socket that QEMU listens on, and one for run-vm. The latter
 * is connected from the start, so that it survives the removal of the temporary directory. */
static void add_monitors(struct planner *p)
{
    struct model_monitor anybody = {.chardev = {.path = xstrdup(MONITOR), .listens = true},
                                    .control = true};
    struct model_monitor own = {.chardev = {.id = xstrdup(CONTROL_ID), .path = xstrdup(CONTROL)},
                                .control = true};

    p->plan->qmp_socket = planner_temporary(p, MONITOR);
    p->plan->control_socket = planner_temporary(p, CONTROL);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_MONITOR, .monitor = anybody});
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_MONITOR, .monitor = own});
}

static void add_name(struct planner *p)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    struct error e CLEANUP_ERROR = {0};
    const char *text = config_text(p->config, "system.name");

    variables.unset = EXPAND_UNSET_ERROR; /* files are named after it */
    char *name = expand_quoted(text ? text : "", &variables, &e);
    if (!name) {
        config_text_problem(p->config, "system.name", text, e.message);
        return;
    }
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_NAME, .text = name});
}

static void add_number(struct planner *p, enum model_kind kind, const char *option)
{
    uint64_t number = (uint64_t)config_integer(p->config, option);

    if (!planner_replaced(p, kind))
        model_add(&p->plan->machine, (struct model_item){.kind = kind, .number = number});
}

/* Adds memory that another process can map: without it QEMU rejects a device on virtiofs with an
 * error that does not say so. */
static void add_shared_memory(struct planner *p)
{
    if (planner_uses_virtiofs(p) && planner_memory_is_private(p))
        config_problem(p->config, "virtualisation.qemu.options",
                       "has a memory backend without share=on, expected one with it: the servers "
                       "of shares on virtiofs map the guest's memory. Or share by 9p "
                       "(runVm.transport)");
    if (planner_replaced(p, MODEL_SHARED_MEMORY))
        return;
    if (qemu_option_find(&p->given, "mem-path"))
        config_problem(p->config, "virtualisation.qemu.options",
                       "has -mem-path, expected \"-object "
                       "memory-backend-file,id=ID,mem-path=PATH,size=SIZE,share=on -machine "
                       "memory-backend=ID\": virtiofs takes memory that its server can map");
    model_add(&p->plan->machine,
              (struct model_item){
                  .kind = MODEL_SHARED_MEMORY,
                  .shared_memory = {.id = xstrdup("run-vm-memory"), .bytes = planner_memory(p)}});
}

/* True if the user asks for shared memory, and does not say with -mem-path where the memory is. */
static bool wants_shared_memory(const struct planner *p)
{
    return config_bool(p->config, "virtualisation.qemu.enableSharedMemory") &&
           !qemu_option_find(&p->given, "mem-path");
}

/* Chooses the type of the machine; NULL: QEMU's default. On q35 each IDE drive needs the name of a
 * port. The command of nixpkgs' qemu-vm.nix names none, and QEMU's default machine has ports for
 * two drives. */
static const char *choose_machine(const struct planner *p, const struct emulator *emulator)
{
    bool unnamed = p->disks->ports && !p->dialect->named_ports && p->guest->family == FAMILY_X86;

    return unnamed ? NULL : emulator->machine;
}

void plan_machine(struct planner *p)
{
    struct emulator emulator = find_emulator(p);
    const char *type = choose_machine(p, &emulator);

    find_qemu_img(p);
    p->plan->machine.program = emulator.program ? emulator.program : xstrdup("");
    if (type)
        planner_choose(p, MODEL_TYPE, type);
    add_accelerator(p);
    add_processor(p);
    add_monitors(p);
    plan_sandbox(p);
    add_name(p);
    add_number(p, MODEL_MEMORY, "virtualisation.memorySize");
    add_number(p, MODEL_CORES, "virtualisation.cores");
    if (planner_uses_virtiofs(p) || wants_shared_memory(p))
        add_shared_memory(p);
    model_add(
        &p->plan->machine,
        (struct model_item){.kind = MODEL_RANDOM, .device = {.driver = xstrdup("virtio-rng-pci")}});
}
