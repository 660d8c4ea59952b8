/* SPDX-License-Identifier: MIT */
/* Specifies the boot disk to make, and the settings of the machine in which it is made. */
#include "base/alloc.h"
#include "base/text.h"
#include "host/config/bootdrive.h"
#include "host/config/firmware.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* Appends a setting with the option's value. */
static void forward(struct planner *p, const char *option)
{
    json_t *value = config_get(p->config, option);

    if (json_is_null(value))
        return;
    if (json_is_string(value)) {
        strv_pushf(&p->plan->boot_disk.settings, "%s=%s", option, json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    strv_pushf(&p->plan->boot_disk.settings, "%s=%s", option, text);
    free(text);
}

/* Gives the temporary machine the same firmware, with the mode that it needs. */
static void add_firmware(struct planner *p)
{
    static const char *const files[] = {"virtualisation.efi.firmware",
                                        "virtualisation.efi.variables"};
    struct boot_disk_spec *spec = &p->plan->boot_disk;

    spec->efi = config_bool(p->config, "virtualisation.useEFIBoot");
    if (!spec->efi)
        return;
    strv_push(&spec->settings, "virtualisation.useEFIBoot=true");
    strv_push(&spec->settings, "boot.initrd.kernelModules=[\"efivarfs\"]");
    strv_pushf(&spec->settings, "virtualisation.efi.OVMF={\"systemManagementModeRequired\":%s}",
               firmware_needs_smm(p->config) ? "true" : "false");
    for (size_t i = 0; i < ELEMENTS(files); i++) {
        forward(p, files[i]);
        strv_push(&spec->firmware, config_text(p->config, files[i]));
    }
}

void plan_boot_disk(struct planner *p)
{
    static const char *const forwarded[] = {
        "system.name",
        "system.build.toplevel",
        "runVm.store",
        "runVm.cacheSize",
        "nixpkgs.hostPlatform",
        "virtualisation.memorySize",
        "virtualisation.qemu.package",
    };
    struct boot_disk_spec *spec = &p->plan->boot_disk;

    spec->label = xstrdup(bootdrive_label(p->config));
    if (!config_bool(p->config, "virtualisation.installBootLoader"))
        return;
    for (size_t i = 0; i < ELEMENTS(forwarded); i++)
        forward(p, forwarded[i]);
    add_firmware(p);
    spec->toplevel = xstrdup(config_text(p->config, "system.build.toplevel"));
    spec->toplevel_path = planner_store_path(p, "system.build.toplevel", spec->toplevel);
    spec->grub_device = xstrdup(config_text(p->config, "virtualisation.bootLoaderDevice"));
    spec->accel = p->options->accel;
    if (p->options->kernel)
        spec->kernel = path_absolute(p->at->cwd, p->options->kernel);
    if (p->options->modules_dir)
        spec->modules_dir = path_absolute(p->at->cwd, p->options->modules_dir);
    if (p->options->guest_init)
        spec->guest_init = path_absolute(p->at->cwd, p->options->guest_init);
}
