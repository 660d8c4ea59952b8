/* SPDX-License-Identifier: MIT */
#include "host/config/builtin.h"

#include <stdarg.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "common/store.h"
#include "host/config/bootdrive.h"
#include "host/config/fsoverlay.h"
#include "host/config/release.h"
#include "host/config/shareserver.h"
#include "host/config/sharetransport.h"
#include "host/config/value.h"

/* --- defaults --- */

json_t *builtin_host_name(const struct scope *scope)
{
    const char *node = config_text(scope->config, "virtualisation.test.nodeName");

    return json_string(node && *node ? node : "nixos");
}

json_t *builtin_name(const struct scope *scope)
{
    const char *host_name = config_text(scope->config, "networking.hostName");

    return json_string(host_name && *host_name ? host_name : "unnamed");
}

json_t *builtin_platform(const struct scope *scope)
{
    struct utsname names;

    (void)scope;
    return uname(&names) < 0 ? json_string("x86_64-linux")
                             : json_sprintf("%s-linux", names.machine);
}

json_t *builtin_disk_image(const struct scope *scope)
{
    if (scope->config->diskless)
        return json_null();
    return json_sprintf("./%s.qcow2", config_text(scope->config, "system.name"));
}

/* The path of a file that belongs to the root: beside its disk image, or lost with it. */
static json_t *beside_root(const struct scope *scope, const char *suffix)
{
    if (scope->config->diskless && !config_text(scope->config, "virtualisation.diskImage"))
        return json_sprintf("$TMPDIR/%s", suffix);
    return json_sprintf("./%s-%s", config_text(scope->config, "system.name"), suffix);
}

json_t *builtin_efi_vars(const struct scope *scope)
{
    return beside_root(scope, "efi-vars.fd");
}

/* null if it is unknown: only a machine with a TPM needs it, and the plan reports it. */
json_t *builtin_tpm_model(const struct scope *scope)
{
    const char *model = platform_tpm(scope->config->platform);

    return model ? json_string(model) : json_null();
}

json_t *builtin_tpm_state(const struct scope *scope)
{
    return beside_root(scope, "swtpm");
}

json_t *builtin_consoles(const struct scope *scope)
{
    const char *serial = scope->config->platform->serial;

    if (!serial)
        return json_array(); /* the plan reports it, if consoles are needed */
    json_t *device = json_sprintf("%s,115200n8", serial);
    if (config_bool(scope->config, "virtualisation.graphics"))
        return json_pack("[o,s]", device, "tty0");
    return json_pack("[s,o]", "tty0", device);
}

json_t *builtin_direct_boot(const struct scope *scope)
{
    return json_boolean(!config_bool(scope->config, "virtualisation.useBootLoader"));
}

/* That of the release, or 9p if it needs a server which is not there: the plan says so. */
json_t *builtin_transport(const struct scope *scope)
{
    const struct config *config = scope->config;
    const char *transport = config->release->transport;

    if (!streq(transport, "virtiofs"))
        return json_string(transport);
    char *server CLEANUP_FREE =
        shareserver_find(config_text(config, "runVm.virtiofsd"), config->is_root, NULL);
    return json_string(server ? transport : "9p");
}

json_t *builtin_store_image(const struct scope *scope)
{
    return json_boolean(scope->config->elsewhere || sharetransport_may_be_image(scope->config));
}

/* A boot disk has no store of its own, so that a guest with a boot loader needs the host's too. */
json_t *builtin_mount_host_store(const struct scope *scope)
{
    return json_boolean(!config_bool(scope->config, "virtualisation.useNixStoreImage"));
}

json_t *builtin_writable_store(const struct scope *scope)
{
    return json_boolean(!scope->config->release->writable_follows_host ||
                        config_bool(scope->config, "virtualisation.mountHostNixStore") ||
                        sharetransport_is_image(scope->config));
}

/* --- definitions --- */

void builtin_add(json_t *definitions, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    json_array_append_new(definitions, json_vpack_ex(NULL, 0, format, arguments));
    va_end(arguments);
}

void builtin_add_weak(json_t *definitions, json_t *value)
{
    builtin_add(definitions, "{s:s,s:i,s:o}", "_type", "override", "priority", 1000, "content",
                value);
}

/* --- lists and shares --- */

void builtin_additional_paths(const struct scope *scope, json_t *definitions)
{
    const char *toplevel = config_text(scope->config, "system.build.toplevel");

    if (toplevel)
        builtin_add(definitions, "[s]", toplevel);
}

/* Shares the store only with a Nix system. */
void builtin_shares(const struct scope *scope, json_t *definitions)
{
    if (scope->config->elsewhere)
        return;
    if (config_bool(scope->config, "virtualisation.mountHostNixStore") &&
        config_text(scope->config, "system.build.toplevel"))
        builtin_add(definitions, "{s:{s:s,s:s}}", SHARE_STORE, "source", STORE_DIR, "target",
                    scope->config->release->store_target);
    builtin_add(definitions, "{s:{s:s,s:s},s:{s:s,s:s}}", SHARE_EXCHANGE, "source",
                "\"$TMPDIR\"/xchg", "target", "/tmp/xchg", SHARE_SHARED, "source",
                "\"${SHARED_DIR:-$TMPDIR/xchg}\"", "target", "/tmp/shared");
    if (config_bool(scope->config, "virtualisation.useHostCerts"))
        builtin_add(definitions, "{s:{s:s,s:s,s:b,s:s}}", SHARE_CERTS, "source",
                    "\"$TMPDIR\"/" SHARE_CERTS, "target", "/etc/ssl/certs", "writable", 0,
                    "securityModel", "none");
}

static void add_token(json_t *definitions, const char *name)
{
    builtin_add(definitions, "[o]", qemu_entry_built_in(name));
}

void builtin_networking(const struct scope *scope, json_t *definitions)
{
    (void)scope;
    add_token(definitions, "nic");
    add_token(definitions, "user-network");
}

/* The order is that of nixpkgs' qemu-vm.nix. */
void builtin_qemu_options(const struct scope *scope, json_t *definitions)
{
    const struct config *config = scope->config;
    enum platform_family family = config->platform->family;
    const struct {
        const char *name;
        bool wanted;
    } tokens[] = {
        {"virtio-keyboard", config_bool(config, "virtualisation.qemu.virtioKeyboard")},
        {"x86-input", family == FAMILY_X86},
        {"arm-devices", family == FAMILY_ARM},
        {"kernel", config_bool(config, "virtualisation.directBoot.enable")},
        {"efi", config_bool(config, "virtualisation.useEFIBoot")},
        {"bios", config_text(config, "virtualisation.bios") != NULL},
        {"nographic", !config_bool(config, "virtualisation.graphics")},
    };

    for (size_t i = 0; i < ELEMENTS(tokens); i++)
        if (tokens[i].wanted)
            add_token(definitions, tokens[i].name);
}

/* --- drives --- */

static void add_empty_disks(const struct config *config, json_t *definitions)
{
    json_t *disk;
    size_t i;

    json_array_foreach (config_get(config, "virtualisation.emptyDiskImages"), i, disk) {
        json_t *drive = json_pack("{s:o}", "file", json_sprintf("\"$TMPDIR\"/empty%zu.qcow2", i));
        json_t *keys = json_pack("{s:s}", "werror", "report");

        json_object_update(keys, json_object_get(disk, "driveConfig.driveExtraOpts"));
        json_object_set_new(drive, "driveExtraOpts", keys);
        if (json_is_object(disk)) {
            json_object_set(drive, "name", json_object_get(disk, "driveConfig.name"));
            json_object_set(drive, "deviceExtraOpts",
                            json_object_get(disk, "driveConfig.deviceExtraOpts"));
        }
        builtin_add(definitions, "[o]", drive);
    }
}

/* True if the store image is a qcow2 overlay of an image that Nix built; otherwise it is an erofs
 * image that run-vm makes. */
static bool store_image_is_overlay(const struct config *config)
{
    return config_bool(config, "virtualisation.writableStore") &&
           config_text(config, "system.build.storeImage");
}

/* The properties of the root's drive, a new reference. A disk with a boot loader takes precedence
 * over it, and may need its serial number. */
static json_t *root_device_options(const struct config *config, const char *boot_serial)
{
    json_t *options = json_object();

    if (!config->release->root_by_label)
        return options;
    if (!boot_serial || !streq(boot_serial, RELEASE_ROOT_SERIAL))
        json_object_set_new(options, "serial", json_string(RELEASE_ROOT_SERIAL));
    if (!bootdrive_has_loader(config))
        json_object_set_new(options, "bootindex", json_string("1"));
    return options;
}

/* The properties of the root's backend, a new reference. IDE disks of QEMU cannot be read-only: it
 * drops their writes. */
static json_t *root_backend_options(const struct config *config)
{
    const char *writes = config_text(config, "runVm.diskImageWrites");
    json_t *options = json_pack("{s:s, s:s}", "cache", "writeback", "werror", "report");

    if (streq(writes, "refuse") && !config->disk_interface->refuses_readonly)
        json_object_set_new(options, "readonly", json_string("on"));
    else if (!streq(writes, "keep"))
        json_object_set_new(options, "snapshot", json_string("on"));
    return options;
}

/* The properties of the boot disk's drive, a new reference. */
static json_t *boot_device_options(const struct config *config, const char *serial)
{
    json_t *options = json_object();

    if (serial)
        json_object_set_new(options, "serial", json_string(serial));
    if (bootdrive_has_loader(config))
        json_object_set_new(options, "bootindex", json_string("1"));
    return options;
}

void builtin_drives(const struct scope *scope, json_t *definitions)
{
    const struct config *config = scope->config;
    bool boot = config_bool(config, "virtualisation.useBootLoader");
    const char *boot_serial = boot ? bootdrive_serial(config) : NULL;

    /* The plan sets NIX_DISK_IMAGE to the image's path: a user may replace this drive by one that
     * refers to the variable, as with the script of qemu-vm.nix. */
    if (config_text(config, "virtualisation.diskImage"))
        builtin_add(definitions, "[{s:s,s:s,s:o,s:o}]", "name", "root", "file",
                    "\"$NIX_DISK_IMAGE\"", "driveExtraOpts", root_backend_options(config),
                    "deviceExtraOpts", root_device_options(config, boot_serial));
    if (config_bool(config, "virtualisation.useNixStoreImage"))
        builtin_add(definitions, "[{s:s,s:s,s:{s:s},s:{s:s}}]", "name", "nix-store", "file",
                    "\"$TMPDIR\"/store.img", "deviceExtraOpts", "bootindex", boot ? "3" : "2",
                    "driveExtraOpts", "format", store_image_is_overlay(config) ? "qcow2" : "raw");
    if (boot)
        builtin_add(definitions, "[{s:s,s:s,s:{s:s},s:o}]", "name", "boot", "file",
                    "\"$TMPDIR\"/disk.img", "driveExtraOpts", "media", "disk", "deviceExtraOpts",
                    boot_device_options(config, boot_serial));
    add_empty_disks(config, definitions);
}

void builtin_root_device(const struct scope *scope, json_t *definitions)
{
    const struct config *config = scope->config;
    char *device CLEANUP_FREE = config->release->root_by_label
                                    ? xstrdup("/dev/disk/by-label/" RELEASE_ROOT_LABEL)
                                    : disk_interface_node(config->disk_interface, 0);

    builtin_add_weak(definitions, json_string(device));
}

char *builtin_drive_device(struct config *config, const char *name)
{
    static const char option[] = "virtualisation.qemu.drives";
    size_t found = 0;
    size_t index = 0;

    for (size_t i = 0; i < config->drives.count; i++) {
        const char *its_name = config->drives.items[i].name;

        if (its_name && streq(its_name, name)) {
            found++;
            index = i;
        }
    }
    if (found != 1 && config_has_problem(config, option))
        return NULL;
    if (found != 1) {
        config_problem(config, option,
                       found ? "has several drives named %s, expected one"
                             : "has no drive named %s, which a filesystem needs",
                       name);
        return NULL;
    }
    char *device = disk_interface_node(config->disk_interface, index);
    if (!device)
        config_problem(config, option,
                       "has %s as drive %zu, expected it among the first 26: only they have a "
                       "device name",
                       name, index + 1);
    return device;
}

/* By its label with the releases that find the root by its own, or else by its number on the boot
 * disk. */
json_t *builtin_boot_partition(const struct scope *scope)
{
    struct config *config = scope->config;

    if (config->release->root_by_label && config_bool(config, "virtualisation.useEFIBoot"))
        return json_string("/dev/disk/by-label/ESP");
    if (config->release->root_by_label && config_bool(config, "virtualisation.useBIOSBoot"))
        return json_string("/dev/disk/by-label/BOOT");
    if (config->release->root_by_label || !config_bool(config, "virtualisation.useBootLoader"))
        return json_null();
    char *device CLEANUP_FREE = builtin_drive_device(config, "boot");
    return json_sprintf("%s2", device ? device : "/?");
}

/* --- entries and modules --- */

void builtin_entry_name(const struct scope *scope, json_t *definitions)
{
    if (scope->name)
        builtin_add_weak(definitions, json_string(scope->name));
}

void builtin_kernel_modules(const struct scope *scope, json_t *definitions)
{
    if (config_bool(scope->config, "virtualisation.useNixStoreImage") &&
        !config_bool(scope->config, "virtualisation.writableStore"))
        builtin_add(definitions, "[s]", "erofs");
    /* they show the guest the credentials, in /sys/firmware */
    if (credential_use(&scope->config->credentials, true))
        builtin_add(definitions, "[s]", "dmi-sysfs");
    if (credential_use(&scope->config->credentials, false))
        builtin_add(definitions, "[s]", "qemu_fw_cfg");
}

void builtin_available_modules(const struct scope *scope, json_t *definitions)
{
    if (config_bool(scope->config, "virtualisation.writableStore"))
        builtin_add(definitions, "[s]", "overlay");
    if (streq(config_text(scope->config, "virtualisation.qemu.diskInterface"), "scsi"))
        builtin_add(definitions, "[s]", "sym53c8xx");
    if (config_bool(scope->config, "virtualisation.tpm.enable"))
        builtin_add(definitions, "[s,s]", "tpm_tis", "tpm_crb");
}
