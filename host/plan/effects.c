/* SPDX-License-Identifier: MIT */
/* Warns of settings that have no effect in this start, each in a line. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/units.h"
#include "host/plan/planner.h"

/* The size of the disk in a qcow2 or raw image; 0: there is no image, or it cannot be read. */
static uint64_t disk_size(const char *path)
{
    struct {
        char magic[4];
        char other[20];
        uint64_t size; /* big endian */
    } header = {0};
    struct stat st;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    ssize_t length = file_read_head(path, &header, sizeof header);

    if (length < 0)
        return 0;
    if (length == sizeof header && !memcmp(header.magic, "QFI\xfb", 4))
        return be64toh(header.size);
    return (uint64_t)st.st_size;
}

/* Only an image that is made gets the size; one that exists keeps its own. */
static void check_disk_size(struct planner *p)
{
    static const char option[] = "virtualisation.diskSize";
    uint64_t wanted = (uint64_t)config_integer(p->config, option) * MIB;

    if (!wanted || !config_is_set(p->config, option))
        return;
    char *name CLEANUP_FREE = config_origin_name(p->config, option);
    uint64_t found = p->disk_image ? disk_size(p->disk_image) : 0;

    if (!config_text(p->config, "virtualisation.diskImage"))
        strv_pushf(&p->config->warnings, "%s has no effect: virtualisation.diskImage is null.",
                   name);
    else if (p->disk_image && access(p->disk_image, F_OK) == 0 && found != wanted)
        strv_pushf(&p->config->warnings,
                   "%s has no effect: %s exists, with %" PRIu64
                   " MiB. qemu-img resize changes that.",
                   name, p->disk_image, found / MIB);
}

/* True if QEMU is given a kernel, with parameters. */
static bool has_kernel(const struct planner *p)
{
    return model_find(&p->plan->machine, MODEL_KERNEL) != NULL;
}

/* Warns of settings for the kernel's command line when QEMU is given no kernel: the boot loader
 * starts its own, with its own parameters. */
static void check_boot_loader(struct planner *p)
{
    const struct {
        const char *name;
        bool given;
    } settings[] = {
        {"command line: --append", p->options->append.count > 0},
        {"environment: QEMU_KERNEL_PARAMS",
         variables_nonempty(&p->variables, "QEMU_KERNEL_PARAMS") != NULL},
        {"command line: --init", p->options->init != NULL},
    };

    for (size_t i = 0; i < ELEMENTS(settings); i++)
        if (settings[i].given && !has_kernel(p))
            strv_pushf(&p->config->warnings,
                       "%s has no effect: %s, so that the kernel gets the parameters of the boot "
                       "loader.",
                       settings[i].name,
                       config_bool(p->config, "virtualisation.useBootLoader")
                           ? "virtualisation.useBootLoader is true"
                           : "virtualisation.qemu.options has been replaced");
}

/* True if the kernel gets all words of `parameter`. */
static bool is_passed(const struct planner *p, const char *parameter)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    bool all = true;

    (void)cmdline_parse(&line, parameter);
    for (size_t i = 0; i < line.count && all; i++) {
        const char *value = line.words[i].value;
        char *word CLEANUP_FREE =
            xasprintf("%s%s%s", line.words[i].name, value ? "=" : "", value ? value : "");

        all = strv_contains(&p->plan->kernel_params, word);
    }
    return all;
}

/* Warns of boot.kernelParams that the kernel does not get: a toplevel brings its own parameters. */
static void check_kernel_parameters(struct planner *p)
{
    static const char option[] = "boot.kernelParams";
    struct strv parameters CLEANUP_STRV = config_texts(p->config, option);

    for (size_t i = 0; i < parameters.count; i++) {
        if (is_passed(p, parameters.items[i]))
            continue;
        char *name CLEANUP_FREE = config_origin_name(p->config, option);

        strv_pushf(&p->config->warnings,
                   "%s: %s has no effect: %s. --append, or QEMU_KERNEL_PARAMS, adds parameters.",
                   name, parameters.items[i],
                   has_kernel(p) ? "the kernel-params of system.build.toplevel are used"
                                 : "QEMU is given no kernel");
    }
}

static void check_efi_variables(struct planner *p)
{
    if (variables_nonempty(&p->variables, "NIX_EFI_VARS") && !p->efi_vars &&
        !config_bool(p->config, "virtualisation.useEFIBoot"))
        strv_push(&p->config->warnings, "environment: NIX_EFI_VARS has no effect: "
                                        "virtualisation.useEFIBoot is false.");
}

void plan_effects(struct planner *p)
{
    check_disk_size(p);
    check_boot_loader(p);
    check_kernel_parameters(p);
    check_efi_variables(p);
}
