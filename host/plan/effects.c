/* SPDX-License-Identifier: MIT */
/* Warns of settings that have no effect in this start, each in a line. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "host/config/builtin.h"
#include "host/config/firmware.h"
#include "host/config/share.h"
#include "host/config/sharetransport.h"
#include "host/machine/qemuoption.h"
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
    uint64_t wanted = (uint64_t)config_integer(p->config, option) * MIB; /* 0: "auto" */

    if (json_is_null(config_get(p->config, option)) || !config_is_set(p->config, option))
        return;
    char *name CLEANUP_FREE = config_origin_name(p->config, option);
    uint64_t found = p->disk_image ? disk_size(p->disk_image) : 0;

    if (!config_text(p->config, "virtualisation.diskImage"))
        strv_pushf(&p->config->warnings, "%s has no effect: virtualisation.diskImage is null.",
                   name);
    else if (wanted && p->disk_image && access(p->disk_image, F_OK) == 0 && found != wanted)
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

/* Why QEMU is given no kernel. */
static const char *reason_for_no_kernel(const struct planner *p)
{
    if (config_bool(p->config, "virtualisation.directBoot.enable"))
        return "virtualisation.qemu.options has been replaced";
    return planner_boots_foreign(p) ? "virtualisation.directBoot.enable is false"
                                    : "virtualisation.useBootLoader is true";
}

/* Warns of settings for the kernel when QEMU is given none: the boot loader starts its own, with
 * its own parameters. The machine that installs a boot loader has the given kernel and modules. */
static void check_boot_loader(struct planner *p)
{
    static const char parameters[] = "the kernel gets the parameters of the boot loader";
    static const char kernel[] = "the boot loader starts the kernel that it finds";
    const struct {
        const char *name;
        bool given;
        const char *result;
    } settings[] = {
        {"command line: --append", p->options->append.count > 0, parameters},
        {"environment: QEMU_KERNEL_PARAMS",
         variables_nonempty(&p->variables, "QEMU_KERNEL_PARAMS") != NULL, parameters},
        {"command line: --init", p->options->init != NULL, parameters},
        {"command line: --kernel", p->options->kernel && !p->plan->boot_disk.kernel, kernel},
        {"command line: --modules-dir", p->options->modules_dir && !p->plan->boot_disk.modules_dir,
         kernel},
    };

    for (size_t i = 0; i < ELEMENTS(settings); i++)
        if (settings[i].given && !has_kernel(p))
            strv_pushf(&p->config->warnings, "%s has no effect: %s, so that %s.", settings[i].name,
                       reason_for_no_kernel(p), settings[i].result);
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

/* Warns of a file that is lost while the root that it belongs to lasts. */
static void check_loss(struct planner *p, const char *option, const char *path)
{
    if (p->options->root_writable && path && plan_is_temporary(p->plan, path) && !p->keep_tmp &&
        !config_is_set(p->config, option))
        strv_pushf(
            &p->config->warnings,
            "%s: is lost at the end of the machine, unlike what the guest writes to its root "
            "(--rw); -o %s=PATH keeps it.",
            option, option);
}

static void check_tpm_state(struct planner *p)
{
    check_loss(p, "runVm.tpmState", p->tpm_state);
    if (variables_nonempty(&p->variables, "NIX_SWTPM_DIR") &&
        !config_bool(p->config, "virtualisation.tpm.enable"))
        strv_push(&p->config->warnings,
                  "environment: NIX_SWTPM_DIR has no effect: virtualisation.tpm.enable is false.");
}

static void check_efi_variables(struct planner *p)
{
    static const char keep[] = "virtualisation.efi.keepVariables";

    check_loss(p, "virtualisation.efiVars", p->efi_vars);
    if (variables_nonempty(&p->variables, "NIX_EFI_VARS") && !p->efi_vars &&
        !config_bool(p->config, "virtualisation.useEFIBoot"))
        strv_push(&p->config->warnings, "environment: NIX_EFI_VARS has no effect: "
                                        "virtualisation.useEFIBoot is false.");
    if (p->efi_vars && config_is_set(p->config, keep) && config_bool(p->config, keep) &&
        !config_bool(p->config, "virtualisation.useBootLoader"))
        strv_pushf(&p->config->warnings,
                   "%s has no effect: virtualisation.useBootLoader is false, so that no boot "
                   "loader is installed.",
                   keep);
}

#define V "virtualisation."

/* Returns why an option has no effect, as a clause that the caller frees; NULL: it has one. */
typedef char *idle_reason(const struct planner *p);

static bool has_share_on_9p(const struct planner *p)
{
    for (size_t i = 0; i < p->config->shares.count; i++)
        if (p->config->shares.items[i].transport == SHARE_9P)
            return true;
    return false;
}

static char *without_9p(const struct planner *p)
{
    return has_share_on_9p(p) ? NULL : xstrdup("no share is on 9p");
}

static char *without_store_on_9p(const struct planner *p)
{
    const struct share *store = share_find(&p->config->shares, SHARE_STORE);

    return store && store->transport != SHARE_9P ? xstrdup("the store is not on 9p") : NULL;
}

static char *without_shared_store(const struct planner *p)
{
    return share_find(&p->config->shares, SHARE_STORE) || sharetransport_is_image(p->config)
               ? NULL
               : xstrdup("the store is not a share");
}

static char *without_store_image(const struct planner *p)
{
    for (size_t i = 0; i < p->plan->file_count; i++)
        if (p->plan->files[i].kind == FILE_STORE_IMAGE)
            return NULL;
    return xstrdup("run-vm makes no store image");
}

static char *without_parameters(const struct planner *p)
{
    if (!has_kernel(p))
        return xstrdup("QEMU is given no kernel, and so no parameters for it");
    if (qemu_option_find(&p->given, "append"))
        return xstrdup("an option -append for QEMU replaces the kernel's parameters");
    return NULL;
}

/* The memory is the user's backend, or else, as it is not ours, that of -mem-path. */
static char *with_other_memory(const struct planner *p)
{
    bool shared = planner_replaced(p, MODEL_SHARED_MEMORY) && !planner_memory_is_private(p);

    if (!config_bool(p->config, V "qemu.enableSharedMemory") || shared ||
        model_find(&p->plan->machine, MODEL_SHARED_MEMORY))
        return NULL;
    return xstrdup("an option for QEMU says where the memory is");
}

static char *without_drives(const struct planner *p)
{
    return p->config->drives.count ? NULL : xstrdup("the machine has no drive");
}

static char *without_agent_channel(const struct planner *p)
{
    if (!config_bool(p->config, V "qemu.guestAgent.enable") || p->dialect->guest_agent)
        return NULL;
    return xstrdup("with the system's own initrd QEMU's arguments are those of NixOS's script, "
                   "which has no channel for the agent");
}

static char *without_own_initrd(const struct planner *p)
{
    if (planner_has_own_init(p))
        return NULL;
    return xstrdup(p->dialect->own_init ? "QEMU is given no initrd"
                                        : "the initrd is the system's own");
}

static char *without_kernel(const struct planner *p)
{
    return has_kernel(p) ? NULL : xstrdup(reason_for_no_kernel(p));
}

static char *without_our_boot(const struct planner *p)
{
    return planner_boots_foreign(p) ? xstrdup(V "directBoot.enable is false") : NULL;
}

/* A boot loader's initrd is the system's, which may have the modules. */
static char *without_initrd_for_modules(const struct planner *p)
{
    json_t *all = config_get(p->config, "boot.initrd.kernelModules");
    json_t *built_in = json_array(); /* of lists of one each */

    builtin_kernel_modules(&(struct scope){.config = p->config}, built_in);
    bool added = json_array_size(all) > json_array_size(built_in);

    json_decref(built_in);
    return added ? without_our_boot(p) : NULL;
}

static char *with_other_initrd(const struct planner *p)
{
    return config_text(p->config, V "directBoot.initrd") ? xstrdup(V "directBoot.initrd is set")
                                                         : without_our_boot(p);
}

static char *without_store(const struct planner *p)
{
    return config_bool(p->config, V "mountHostNixStore") ||
                   config_bool(p->config, V "useNixStoreImage")
               ? NULL
               : xstrdup(V "mountHostNixStore is false");
}

static char *without_store_to_write(const struct planner *p)
{
    return config_bool(p->config, V "writableStore") ? without_store(p) : NULL;
}

/* The system itself is always among the paths. */
static char *without_store_for_paths(const struct planner *p)
{
    const char *system = config_text(p->config, "system.build.toplevel");
    struct strv paths CLEANUP_STRV = config_texts(p->config, V "additionalPaths");

    for (size_t i = 0; i < paths.count; i++)
        if (!system || !streq(paths.items[i], system))
            return without_store(p);
    return NULL;
}

static char *with_partition_by_number(const struct planner *p)
{
    if (p->config->release->root_by_label || !config_bool(p->config, V "useBIOSBoot") ||
        !config_bool(p->config, V "useBootLoader") || config_bool(p->config, V "useEFIBoot"))
        return NULL;
    return xasprintf("runVm.release is \"%s\", and the option begins with \"23.11\"",
                     p->config->release->name);
}

static char *without_secure_firmware(const struct planner *p)
{
    if (!config_bool(p->config, V "useEFIBoot") || !firmware_lacks_secure_boot(p->config))
        return NULL;
    return xstrdup(V "efi.firmware is firmware without Secure Boot");
}

static char *without_disk_image(const struct planner *p)
{
    return config_text(p->config, V "diskImage") ? NULL : xstrdup(V "diskImage is null");
}

static char *without_root_disk(const struct planner *p)
{
    bool own_root = config_bool(p->config, V "useDefaultFilesystems");

    return own_root && !config_text(p->config, V "diskImage") ? xstrdup(V "diskImage is null")
                                                              : NULL;
}

/* Options without effect while another one has a value. */
static const struct {
    const char *option;
    const char *cause;
    bool value;
} idle[] = {
    {V "resolution", V "graphics", false},
    {"runVm.vnc", V "graphics", false},
    {V "writableStoreUseTmpfs", V "writableStore", false},
    {V "nixStore9pCache", V "mountHostNixStore", false},
    {V "efiVars", V "useEFIBoot", false},
    {V "efi.firmware", V "useEFIBoot", false},
    {V "efi.variables", V "useEFIBoot", false},
    {V "efi.OVMF", V "useEFIBoot", false},
    {V "efi.keepVariables", V "useEFIBoot", false},
    {V "useSecureBoot", V "useEFIBoot", false},
    {V "bios", V "useEFIBoot", true},
    {V "bootLoaderDevice", V "useBootLoader", false},
    {V "persistBootDevice", V "useBootLoader", false},
    {V "installBootLoader", V "useBootLoader", false},
    {V "bootPartition", V "useBootLoader", false},
    {V "useBIOSBoot", V "useBootLoader", false},
    {V "useBIOSBoot", V "useEFIBoot", true},
    {V "tpm.package", V "tpm.enable", false},
    {V "tpm.deviceModel", V "tpm.enable", false},
    {V "tpm.provisioning", V "tpm.enable", false},
    {"runVm.tpmState", V "tpm.enable", false},
    {V "rootDevice", V "useDefaultFilesystems", false},
    {"boot.tmp.tmpfsSize", "boot.tmp.useTmpfs", false},
};

/* Options without effect for a reason that a function finds. */
static const struct {
    const char *option;
    idle_reason *reason;
} reasoned[] = {
    {V "nixStore9pCache", without_store_on_9p},
    {"runVm.storeTransport", without_shared_store},
    {"runVm.storeImage", without_store_image},
    {V "rootDevice", without_root_disk},
    {V "useSecureBoot", without_secure_firmware},
    {V "msize", without_9p},
    {V "qemu.enableSharedMemory", with_other_memory},
    {V "qemu.diskInterface", without_drives},
    {V "qemu.guestAgent.enable", without_agent_channel},
    {V "qemu.consoles", without_parameters},
    {V "useBIOSBoot", with_partition_by_number},
    {V "writableStore", without_store_to_write},
    {V "additionalPaths", without_store_for_paths},
    {"runVm.diskImageWrites", without_disk_image},
    {"runVm.growDiskImage", without_disk_image},
    {"boot.initrd.kernelModules", without_initrd_for_modules},
    {"runVm.initrd", with_other_initrd},
    {"runVm.kernel", without_kernel},
    {"runVm.kernelSelfTests", without_kernel},
    {"runVm.stripModules", without_own_initrd},
    {"runVm.agent", without_own_initrd},
};

static void warn_of_idle(struct planner *p, const char *option, const char *reason)
{
    char *name CLEANUP_FREE = config_origin_name(p->config, option);

    strv_pushf(&p->config->warnings, "%s has no effect: %s.", name, reason);
}

static void check_idle(struct planner *p)
{
    for (size_t i = 0; i < ELEMENTS(idle); i++) {
        if (!config_is_set(p->config, idle[i].option) ||
            config_bool(p->config, idle[i].cause) != idle[i].value)
            continue;
        char *reason CLEANUP_FREE =
            xasprintf("%s is %s", idle[i].cause, idle[i].value ? "true" : "false");

        warn_of_idle(p, idle[i].option, reason);
    }
    for (size_t i = 0; i < ELEMENTS(reasoned); i++) {
        char *reason CLEANUP_FREE =
            config_is_set(p->config, reasoned[i].option) ? reasoned[i].reason(p) : NULL;

        if (reason)
            warn_of_idle(p, reasoned[i].option, reason);
    }
}

static void check_share_server(struct planner *p)
{
    static const char option[] = "runVm.virtiofsd";

    if (!config_is_set(p->config, option) || planner_uses_virtiofs(p))
        return;
    char *name CLEANUP_FREE = config_origin_name(p->config, option);

    strv_pushf(&p->config->warnings, "%s has no effect: no share is on virtiofs (runVm.transport).",
               name);
}

void plan_effects(struct planner *p)
{
    check_share_server(p);
    check_idle(p);
    check_disk_size(p);
    check_boot_loader(p);
    check_kernel_parameters(p);
    check_efi_variables(p);
    check_tpm_state(p);
}
