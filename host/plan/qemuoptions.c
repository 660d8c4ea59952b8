/* SPDX-License-Identifier: MIT */
/* What comes last: virtualisation.qemu.options, $QEMU_OPTS, the arguments after --. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

static void add_keyboard(struct planner *p, struct strv *words)
{
    (void)p;
    strv_push(words, "-device");
    strv_push(words, "virtio-keyboard");
}

static void add_x86_input(struct planner *p, struct strv *words)
{
    (void)p;
    strv_push(words, "-usb");
    strv_push(words, "-device");
    strv_push(words, "usb-tablet,bus=usb-bus.0");
}

static void add_arm_devices(struct planner *p, struct strv *words)
{
    static const char *const devices[] = {"virtio-gpu-pci", "usb-ehci,id=usb0", "usb-kbd",
                                          "usb-tablet"};

    (void)p;
    for (size_t i = 0; i < ELEMENTS(devices); i++) {
        strv_push(words, "-device");
        strv_push(words, devices[i]);
    }
}

static void add_firmware(struct planner *p, struct strv *words)
{
    const char *firmware = config_text(p->config, "virtualisation.efi.firmware");
    char *path CLEANUP_FREE =
        firmware ? planner_host_path(p, "virtualisation.efi.firmware", firmware) : NULL;
    char *code CLEANUP_FREE = path_double_commas(path ? path : "");
    char *variables CLEANUP_FREE = path_double_commas(p->efi_vars ? p->efi_vars : "");

    if (!firmware)
        config_problem(p->config, "virtualisation.efi.firmware",
                       "is not set, and run-vm knows no firmware for %s, expected a path",
                       p->config->platform_name);
    planner_need(p, "virtualisation.efi.firmware", path ? path : "", NEED_FILE);
    strv_push(words, "-drive");
    strv_pushf(words, "if=pflash,format=raw,unit=0,readonly=on,file=%s", code);
    strv_push(words, "-drive");
    strv_pushf(words, "if=pflash,format=raw,unit=1,file=%s", variables);
}

static void add_bios(struct planner *p, struct strv *words)
{
    static const char option[] = "virtualisation.bios";
    const char *given = config_text(p->config, option);
    char *directory CLEANUP_FREE = given ? planner_host_path(p, option, given) : NULL;

    char *file CLEANUP_FREE = xasprintf("%s/bios.bin", directory ? directory : "");

    planner_need(p, option, file, NEED_FILE);
    strv_push(words, "-bios");
    strv_take(words, TAKE(file));
}

static void add_nographic(struct planner *p, struct strv *words)
{
    (void)p;
    strv_push(words, "-nographic");
}

/* The channel of the guest agent, for those who ask for it: the specification starts the agent but
 * never gave it anybody to talk to. With the system's own initrd the command stays the
 * specification's. */
static void add_guest_agent(struct planner *p)
{
    static const char *const words[] = {
        "-device",
        "virtio-serial-pci,id=run-vm-agent",
        "-chardev",
        "socket,id=run-vm-agent,path=qga.sock,server=on,wait=off",
        "-device",
        "virtserialport,bus=run-vm-agent.0,chardev=run-vm-agent,"
        "name=org.qemu.guest_agent.0",
    };
    static const char option[] = "virtualisation.qemu.guestAgent.enable";

    if (!p->dialect->guest_agent || !config_is_set(p->config, option) ||
        !config_bool(p->config, option))
        return;
    for (size_t i = 0; i < ELEMENTS(words); i++)
        strv_push(&p->plan->argv, words[i]);
}

/* Whether the user chooses another display adapter than the one whose properties we set. */
static bool has_other_display(const struct planner *p)
{
    const char *vga = qemu_option_find(&p->given, "vga");
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(&p->given, &at, &option);)
        if (streq(option.name, "device") && option.value) {
            char *driver CLEANUP_FREE = xstrndup(option.value, strcspn(option.value, ","));

            if (strcasestr(driver, "vga") && strncmp(driver, "secondary", strlen("secondary")) != 0)
                return true;
        }
    return vga && !streq(vga, "std");
}

/* A resolution that was asked for is also what the display says it prefers. */
static void add_resolution(struct planner *p)
{
    static const char option[] = "virtualisation.resolution";
    const json_t *resolution = config_get(p->config, option);
    bool x86 = p->guest->family == FAMILY_X86;
    const char *device = x86 ? "VGA" : "virtio-gpu-pci";

    if (!p->dialect->resolution || !config_is_set(p->config, option) ||
        p->guest->family == FAMILY_OTHER || !config_bool(p->config, "virtualisation.graphics") ||
        (x86 && has_other_display(p)))
        return;
    if (x86) /* who sets a property of it takes QEMU's default display away */
        planner_push(p, "vga", "std");
    strv_push(&p->plan->argv, "-global");
    strv_pushf(&p->plan->argv, "%s.xres=%" JSON_INTEGER_FORMAT, device,
               json_integer_value(json_object_get(resolution, "x")));
    strv_push(&p->plan->argv, "-global");
    strv_pushf(&p->plan->argv, "%s.yres=%" JSON_INTEGER_FORMAT, device,
               json_integer_value(json_object_get(resolution, "y")));
}

/* A directory as the root: a share of its own. */
static void add_root_share(struct planner *p)
{
    char *path CLEANUP_FREE = NULL;

    if (!p->options->root_dir)
        return;
    path = path_absolute(p->at->cwd, p->options->root_dir);
    planner_need(p, "--root-dir", path, NEED_DIRECTORY);
    planner_add_virtfs(p, path, PLANNER_ROOT_TAG, true);
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
        {"efi", add_firmware},
        {"bios", add_bios},
        {"nographic", add_nographic},
    };

    add_root_share(p);
    plan_modules(p);
    add_guest_agent(p);
    add_resolution(p);
    planner_add_entries(p, "virtualisation.qemu.options", builtins, ELEMENTS(builtins));
    plan_console(p);
    plan_report(p);
    planner_environment_options(p, &p->plan->argv);
    strv_extend(&p->plan->argv, &p->options->qemu_arguments);
}
