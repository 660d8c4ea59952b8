/* SPDX-License-Identifier: MIT */
/* Plans the end of the command: virtualisation.qemu.options, $QEMU_OPTS, the arguments after --. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

static void add_device(struct planner *p, enum model_kind kind, const char *driver)
{
    model_add(&p->plan->machine,
              (struct model_item){.kind = kind, .device = {.driver = xstrdup(driver)}});
}

static void add_keyboard(struct planner *p)
{
    add_device(p, MODEL_INPUT, "virtio-keyboard");
}

static void add_x86_input(struct planner *p)
{
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_USB});
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_INPUT,
                                                     .device = {.driver = xstrdup("usb-tablet"),
                                                                .bus = xstrdup("usb-bus.0")}});
}

static void add_arm_devices(struct planner *p)
{
    if (p->config->release->arm_display)
        add_device(p, MODEL_DISPLAY, "virtio-gpu-pci");
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_CONTROLLER,
                                                     .device = {.driver = xstrdup("usb-ehci"),
                                                                .id = xstrdup("usb0")}});
    add_device(p, MODEL_INPUT, "usb-kbd");
    add_device(p, MODEL_INPUT, "usb-tablet");
}

static void add_bios(struct planner *p)
{
    static const char option[] = "virtualisation.bios";
    const char *given = config_text(p->config, option);
    char *directory CLEANUP_FREE = given ? planner_host_path(p, option, given) : NULL;
    char *file = xasprintf("%s/bios.bin", directory ? directory : "");

    planner_need(p, option, file, NEED_FILE);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_BIOS, .text = file});
}

static void add_headless(struct planner *p)
{
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_HEADLESS});
}

/* Adds the channel of the guest agent, where it is asked for: nixpkgs' qemu-vm.nix starts the agent
 * but gives it no channel. With the system's own initrd the command stays that of qemu-vm.nix. */
static void add_guest_agent(struct planner *p)
{
    static const char option[] = "virtualisation.qemu.guestAgent.enable";

    if (!p->dialect->guest_agent || !config_is_set(p->config, option) ||
        !config_bool(p->config, option))
        return;
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_CHANNEL,
                                  .channel = {.chardev = {.id = xstrdup("run-vm-agent"),
                                                          .path = xstrdup("qga.sock"),
                                                          .listens = true},
                                              .port = xstrdup("org.qemu.guest_agent.0")}});
}

/* True if the user chooses another display adapter than the one whose resolution we set. */
static bool has_other_display(const struct planner *p)
{
    const char *vga = qemu_option_find(&p->given, "vga");
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(&p->given, &at, &option);)
        if (streq(option.name, "device") && option.value) {
            char *driver CLEANUP_FREE = xstrndup(option.value, strcspn(option.value, ","));

            if (strcasestr(driver, "vga") && !startswith(driver, "secondary"))
                return true;
        }
    return vga && !streq(vga, "std");
}

/* Makes the display report the configured resolution as its preferred one. */
static void add_resolution(struct planner *p)
{
    static const char option[] = "virtualisation.resolution";
    bool x86 = p->guest->family == FAMILY_X86;
    const char *device = x86 ? "VGA" : "virtio-gpu-pci";

    if (!p->dialect->resolution || !config_is_set(p->config, option) ||
        p->guest->family == FAMILY_OTHER || !config_bool(p->config, "virtualisation.graphics") ||
        (x86 ? has_other_display(p) : !p->config->release->arm_display))
        return;
    if (x86) /* QEMU drops its default display where a property of it is set */
        planner_choose(p, MODEL_ADAPTER, "std");
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_RESOLUTION,
                                                     .resolution = {.driver = xstrdup(device),
                                                                    .x = p->config->resolution.x,
                                                                    .y = p->config->resolution.y}});
}

#define VNC "run-vm.vnc"

/* Serves the display on a socket, as no other user of the host can connect to, unless the user's
 * options say where it is. */
static void add_vnc(struct planner *p)
{
    if (!config_bool(p->config, "runVm.vnc") ||
        !config_bool(p->config, "virtualisation.graphics") ||
        qemu_option_find(&p->given, "display") || qemu_option_find(&p->given, "vnc"))
        return;
    p->plan->vnc_socket = planner_temporary(p, VNC);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_VNC, .text = xstrdup(VNC)});
}

/* Shares the directory that --root-dir makes the root. */
static void add_root_share(struct planner *p)
{
    if (!p->options->root_dir)
        return;
    char *path CLEANUP_FREE = path_absolute(p->at->cwd, p->options->root_dir);
    planner_need(p, "--root-dir", path, NEED_DIRECTORY);
    planner_add_own_share(p, PLANNER_ROOT_TAG, path, !p->options->root_writable);
    p->plan->tree = TAKE(path);
    p->plan->tree_writable = p->options->root_writable;
    p->plan->tree_owner = p->options->root_owner;
}

void planner_environment_options(struct planner *p, struct strv *words)
{
    const char *text = variables_get(&p->variables, "QEMU_OPTS");

    while (text && *text) {
        size_t blank = strspn(text, " \t\n");
        size_t word = strcspn(text + blank, " \t\n");

        if (word)
            strv_take(words, xstrndup(text + blank, word));
        text += blank + word;
    }
}

void plan_options(struct planner *p)
{
    static const struct planner_builtin builtins[] = {
        {"virtio-keyboard", add_keyboard},
        {"x86-input", add_x86_input},
        {"arm-devices", add_arm_devices},
        {"kernel", plan_kernel},
        {"efi", plan_firmware},
        {"bios", add_bios},
        {"nographic", add_headless},
    };
    struct strv words CLEANUP_STRV = {0};

    add_root_share(p);
    plan_modules(p);
    add_guest_agent(p);
    add_resolution(p);
    plan_credentials(p);
    plan_tpm(p);
    planner_add_entries(p, "virtualisation.qemu.options", &p->config->qemu_options, builtins,
                        ELEMENTS(builtins));
    add_vnc(p);
    plan_console(p);
    plan_report(p);
    planner_environment_options(p, &words);
    strv_extend(&words, &p->options->qemu_arguments);
    model_add_arguments(&p->plan->machine, &words);
}
