/* SPDX-License-Identifier: MIT */
/* Connects the guest's console and QEMU's monitor. QEMU puts both on the terminal without a
 * display, and the monitor behind Ctrl-Alt-2 of its window; but it does neither if another monitor
 * is configured, and run-vm always configures one. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

#define CONSOLE "run-vm-console"
#define MONITOR "run-vm-monitor"

/* Of a machine in the background. */
#define SOCKET "run-vm.console"
#define LOG    "run-vm.console.log"

/* Options of QEMU that connect a character device. */
static const char *const connecting[] = {"serial",  "parallel", "debugcon",   "virtioconsole",
                                         "monitor", "qmp",      "qmp-pretty", "chardev"};

/* Connections that the user's options make already. */
struct wishes {
    bool serial;  /* the serial line leads somewhere */
    bool monitor; /* there is a monitor */
    bool stdio;   /* an option uses the standard streams */
};

static void read_wish(struct wishes *wishes, const struct qemu_option *option)
{
    static const char *const monitors[] = {"monitor", "qmp", "qmp-pretty", "mon"};
    const char *value = option->value ? option->value : "";
    bool multiplexed = false;

    for (size_t i = 0; i < ELEMENTS(monitors); i++)
        wishes->monitor |= streq(option->name, monitors[i]);
    for (size_t i = 0; i < ELEMENTS(connecting); i++) {
        if (!streq(option->name, connecting[i]))
            continue;
        const char *rest = startswith(value, "mon:");
        multiplexed = rest != NULL;
        value = rest ? rest : value;
        wishes->stdio |=
            qemu_option_has_item(value, "stdio") || qemu_option_has_item(value, "backend=stdio");
    }
    wishes->monitor |= multiplexed;
    wishes->serial |= streq(option->name, "serial");
    wishes->serial |=
        streq(option->name, "device") && (qemu_option_has_item(value, "isa-serial") ||
                                          qemu_option_has_item(value, "driver=isa-serial"));
}

static void add_monitor(struct planner *p, enum model_backend backend)
{
    model_add(
        &p->plan->machine,
        (struct model_item){.kind = MODEL_MONITOR,
                            .monitor = {.chardev = {.backend = backend, .id = xstrdup(MONITOR)}}});
}

/* Puts the console on the standard streams, together with QEMU's monitor unless there is another
 * one. The multiplexer takes Ctrl-A, and leaves every other key to the guest. */
static void add_console(struct planner *p, const struct wishes *wishes)
{
    struct model_serial serial = {.chardev = {.backend = MODEL_STDIO,
                                              .id = wishes->monitor ? xstrdup(CONSOLE) : NULL,
                                              .multiplexed = true}};

    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_SERIAL, .serial = serial});
    p->plan->console = wishes->monitor ? PLAN_CONSOLE_STREAMS : PLAN_CONSOLE_AND_MONITOR;
}

/* Puts the console of a machine in the background on a socket, and into a log, unless it leads
 * somewhere. */
static void add_socket(struct planner *p, const struct wishes *wishes)
{
    if (wishes->serial)
        return;
    const struct model_serial serial = {
        .chardev = {
            .id = xstrdup(CONSOLE), .path = xstrdup(SOCKET), .listens = true, .log = xstrdup(LOG)}};
    p->plan->console_socket = planner_temporary(p, SOCKET);
    p->plan->console_log = planner_temporary(p, LOG);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_SERIAL, .serial = serial});
}

static void plan_terminal(struct planner *p, const struct wishes *wishes)
{
    /* without an input the command stays that of nixpkgs' qemu-vm.nix */
    bool interactive = p->dialect->always_console || p->at->input != INPUT_NONE;

    if (!wishes->serial && wishes->stdio)
        config_problem(p->config, "virtualisation.graphics",
                       "is false, so that the guest's console is on the standard streams, where "
                       "QEMU's options put something else, expected that elsewhere (the monitor is "
                       "there too: Ctrl-A C), or a -serial that says where the console is");
    else if (!wishes->serial && interactive)
        add_console(p, wishes);
    else if (wishes->serial && !wishes->monitor && !wishes->stdio)
        add_monitor(p, MODEL_STDIO);
}

/* Keeps SeaBIOS from using the serial line, as it does without a display: it resets the terminal,
 * which clears the scroll-back, and leaves line wrapping off. No message is lost, since QEMU loads
 * the kernel without a boot loader. */
static void silence_firmware(struct planner *p)
{
    const char *machine = qemu_option_find(&p->given, "machine");
    const char *short_name = qemu_option_find(&p->given, "M");
    bool seabios = p->guest->family == FAMILY_X86 && p->plan->initrd.init &&
                   !config_bool(p->config, "virtualisation.useEFIBoot") &&
                   !config_text(p->config, "virtualisation.bios");

    if (!seabios || (machine && strstr(machine, "graphics=")) ||
        (short_name && strstr(short_name, "graphics=")))
        return;
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_QUIET_BIOS});
}

void plan_console(struct planner *p)
{
    struct wishes wishes = {0};
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(&p->given, &at, &option);)
        read_wish(&wishes, &option);
    bool nographic =
        model_find(&p->plan->machine, MODEL_HEADLESS) || qemu_option_find(&p->given, "nographic");

    if (nographic)
        silence_firmware(p);
    if (qemu_option_find(&p->given, "nodefaults"))
        return;
    if (p->options->detach)
        add_socket(p, &wishes);
    else if (nographic)
        plan_terminal(p, &wishes);
    else if (!wishes.monitor)
        add_monitor(p, MODEL_SCREEN); /* Ctrl-Alt-2 */
    if (!nographic)
        p->plan->console = PLAN_CONSOLE_WINDOW;
}
