/* SPDX-License-Identifier: MIT */
#include "host/commands/bootloader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/config/config.h"
#include "host/config/resolve.h"
#include "host/config/setting.h"
#include "host/plan/build.h"
#include "host/plan/planoptions.h"
#include "host/prepare/prepare.h"
#include "host/run/consoletail.h"
#include "host/run/exec.h"

/* The number of lines of the installation's output that are shown if it fails. */
#define OUTPUT_LINES 20

/* Fixed settings of the throwaway machine, on top of those from the plan. Its root is a tmpfs. With
 * QEMU's default for a full disk of the host (werror=enospc) the machine would pause and wait for
 * an operator. */
static const char *const settings[] = {
    "nix.enable=false",
    "virtualisation.diskImage=null",
    "virtualisation.graphics=false",
    "virtualisation.efiVars=$TMPDIR/" BOOTDISK_VARIABLES,
    "virtualisation.qemu.networkingOptions={\"_type\":\"override\",\"priority\":50,"
    "\"content\":[]}",
    "virtualisation.fileSystems={\"/boot\":{\"device\":\"/dev/vda2\",\"fsType\":\"vfat\","
    "\"neededForBoot\":true}}",
    "virtualisation.qemu.drives=[{\"name\":\"boot\",\"file\":\"\\\"$TMPDIR\\\"/" BOOTDISK_RAW
    "\",\"driveExtraOpts\":{\"format\":\"raw\",\"werror\":\"report\"}}]",
};

/* The installation. $1 is the system, $2 the name by which its boot loader knows the disk.
 * systemd-boot looks in /dev/block for the partition's device, which udev would make; its major
 * number differs between kernels. */
static const char script[] =
    "set -eu\n"
    "mkdir -p /bin /boot/grub /dev/block /etc /nix/var/nix/profiles \"${2%/*}\"\n"
    "echo '(hd0) /dev/vda' >/boot/grub/device.map\n"
    "for number in 254:2 \"$(cat /sys/class/block/vda2/dev)\"; do\n"
    "    [ -e /dev/block/$number ] || ln -s /dev/vda2 /dev/block/$number\n"
    "done\n"
    "[ -e \"$2\" ] || ln -s /dev/vda \"$2\"\n"
    "[ -e /bin/sh ] || ln -s \"$(command -v sh)\" /bin/sh\n"
    "ln -s \"$1\" /nix/var/nix/profiles/system-1-link\n"
    "ln -s /nix/var/nix/profiles/system-1-link /nix/var/nix/profiles/system\n"
    "touch /etc/NIXOS\n"
    "[ ! -d /sys/firmware/efi ] || mount -t efivarfs efivarfs /sys/firmware/efi/efivars\n"
    "NIXOS_INSTALL_BOOTLOADER=1 \"$1/bin/switch-to-configuration\" boot\n"
    "umount /boot\n";

static void set_options(struct plan_options *options, const struct boot_disk_spec *spec)
{
    const char *const command[] = {
        "sh", "-c", script, "install-boot-loader", spec->toplevel, spec->grub_device};
    options->accel = spec->accel;
    options->kernel = xstrdup(spec->kernel);
    options->modules_dir = xstrdup(spec->modules_dir);
    options->guest_init = xstrdup(spec->guest_init);
    for (size_t i = 0; i < ELEMENTS(command); i++)
        strv_push(&options->exec.arguments, command[i]);
}

static int configure(struct config *config, const struct boot_disk_spec *spec, struct error *e)
{
    struct strv all CLEANUP_STRV = {0};
    strv_extend(&all, &spec->settings);
    for (size_t i = 0; i < ELEMENTS(settings); i++)
        strv_push(&all, settings[i]);
    for (size_t i = 0; i < all.count; i++) {
        int r = setting_add(config, all.items[i], e);
        if (r < 0)
            return r;
    }
    return resolve_config(config);
}

static int build(struct plan *plan, struct config *config, const struct plan_options *options,
                 const struct boot_disk_spec *spec, const char *work, struct error *e)
{
    char program[PATH_MAX] = "";
    char *temporary CLEANUP_FREE = xasprintf("TMPDIR=%s", work);
    char keep[] = "USE_TMPDIR=1";
    char *const environment[] = {temporary, keep, NULL};
    const struct surroundings at = {
        .environment = environment, .cwd = work, .random = "XXXXXXXXXX", .program = program};
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        program[0] = '\0';
    int r = configure(config, spec, e);
    if (r == 0)
        r = plan_build(plan, config, options, &at, e);
    if (r < 0 && config->problems.count > 0) {
        char *problems CLEANUP_FREE = strv_join(&config->problems, "\n");
        return error_set(e, r, "%s", problems);
    }
    return r;
}

/* Reads the last lines of the installation's output, for the error's message. The caller frees. */
static char *read_log(const char *path)
{
    struct consoletail tail = {0};
    char bytes[4096];
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0;)
        consoletail_add(&tail, bytes, (size_t)got);
    char *text = consoletail_text(&tail, OUTPUT_LINES, "\n  | ");
    consoletail_free(&tail);
    return text;
}

/* Prepares and runs the machine; its output goes to `log`. */
static int boot(const struct plan *plan, const char *log, struct error *e)
{
    struct prepared prepared CLEANUP_PREPARED = {0};
    int null CLEANUP_CLOSE = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int output CLEANUP_CLOSE = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (null < 0 || output < 0)
        return error_errno(e, errno, "%s", log);
    const struct session_streams streams = {null, output, output};
    int r = prepare(&prepared, plan, NULL, e);
    return r < 0 ? r : exec_run(plan, NULL, &supervise_default_limits, NULL, &streams, e);
}

int bootloader_install(const struct boot_disk_spec *spec, const char *work, struct error *e)
{
    struct config config CLEANUP_CONFIG = {0};
    struct plan_options options CLEANUP_PLAN_OPTIONS = {0};
    struct plan plan CLEANUP_PLAN = {0};
    char *log CLEANUP_FREE = xasprintf("%s/log", work);
    set_options(&options, spec);
    int r = build(&plan, &config, &options, spec, work, e);
    if (r == 0)
        r = boot(&plan, log, e);
    if (r > 0) {
        char *said CLEANUP_FREE = read_log(log);
        return error_set(e, -EPROTO,
                         "%s/bin/switch-to-configuration boot, or its preparation, failed in the "
                         "throwaway machine with exit status %d%s%s",
                         spec->toplevel, r, *said ? ":" : "", said);
    }
    return r;
}
