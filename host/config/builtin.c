/* SPDX-License-Identifier: MIT */
#include "host/config/builtin.h"

#include <stdarg.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "common/ninep.h"
#include "common/store.h"
#include "host/config/value.h"

/* --- defaults --- */

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

json_t *builtin_efi_vars(const struct scope *scope)
{
    return json_sprintf("./%s-efi-vars.fd", config_text(scope->config, "system.name"));
}

/* null if it is unknown: only a machine with EFI needs it, and the plan reports it. */
json_t *builtin_efi_firmware(const struct scope *scope)
{
    const struct firmware *firmware = platform_firmware(scope->config->platform);

    return firmware ? json_string(firmware->code) : json_null();
}

json_t *builtin_efi_variables(const struct scope *scope)
{
    const struct firmware *firmware = platform_firmware(scope->config->platform);

    return firmware ? json_string(firmware->variables) : json_null();
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

/* --- definitions --- */

/* Appends a definition, which json_pack() makes of `format`. */
static void add(json_t *definitions, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    json_array_append_new(definitions, json_vpack_ex(NULL, 0, format, arguments));
    va_end(arguments);
}

/* Appends a definition with the priority of mkDefault. */
static void add_weak(json_t *definitions, json_t *value)
{
    add(definitions, "{s:s,s:i,s:o}", "_type", "override", "priority", 1000, "content", value);
}

/* --- lists and shares --- */

void builtin_additional_paths(const struct scope *scope, json_t *definitions)
{
    const char *toplevel = config_text(scope->config, "system.build.toplevel");

    if (toplevel)
        add(definitions, "[s]", toplevel);
}

/* Shares the store only with a Nix system. */
void builtin_shares(const struct scope *scope, json_t *definitions)
{
    if (!config_bool(scope->config, "virtualisation.useNixStoreImage") &&
        config_text(scope->config, "system.build.toplevel"))
        add(definitions, "{s:{s:s,s:s}}", SHARE_STORE, "source", STORE_DIR, "target", STORE_DIR);
    add(definitions, "{s:{s:s,s:s},s:{s:s,s:s}}", SHARE_EXCHANGE, "source", "\"$TMPDIR\"/xchg",
        "target", "/tmp/xchg", SHARE_SHARED, "source", "\"${SHARED_DIR:-$TMPDIR/xchg}\"", "target",
        "/tmp/shared");
}

static void add_token(json_t *definitions, const char *name)
{
    add(definitions, "[o]", qemu_entry_built_in(name));
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
        {"kernel", !config_bool(config, "virtualisation.useBootLoader")},
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
        add(definitions, "[o]", drive);
    }
}

/* True if the store image is a qcow2 overlay of an image that Nix built; otherwise it is an erofs
 * image that run-vm makes. */
static bool store_image_is_overlay(const struct config *config)
{
    return config_bool(config, "virtualisation.writableStore") &&
           config_text(config, "system.build.storeImage");
}

void builtin_drives(const struct scope *scope, json_t *definitions)
{
    const struct config *config = scope->config;
    bool boot = config_bool(config, "virtualisation.useBootLoader");

    /* The plan sets NIX_DISK_IMAGE to the image's path: a user may replace this drive by one that
     * refers to the variable, as with the script of qemu-vm.nix. */
    if (config_text(config, "virtualisation.diskImage"))
        add(definitions, "[{s:s,s:s,s:{s:s,s:s}}]", "name", "root", "file", "\"$NIX_DISK_IMAGE\"",
            "driveExtraOpts", "cache", "writeback", "werror", "report");
    if (config_bool(config, "virtualisation.useNixStoreImage"))
        add(definitions, "[{s:s,s:s,s:{s:s},s:{s:s}}]", "name", "nix-store", "file",
            "\"$TMPDIR\"/store.img", "deviceExtraOpts", "bootindex", boot ? "3" : "2",
            "driveExtraOpts", "format", store_image_is_overlay(config) ? "qcow2" : "raw");
    if (boot)
        add(definitions, "[{s:s,s:s,s:{s:s},s:{s:s}}]", "name", "boot", "file",
            "\"$TMPDIR\"/disk.img", "driveExtraOpts", "media", "disk", "deviceExtraOpts",
            "bootindex", "1");
    add_empty_disks(config, definitions);
}

void builtin_boot_device(const struct scope *scope, json_t *definitions)
{
    char *device CLEANUP_FREE = disk_interface_node(scope->config->disk_interface, 0);

    add_weak(definitions, json_string(device));
}

/* The guest's device name of the drive with that name; the caller frees. NULL after a problem:
 * there is not exactly one. */
static char *named_drive_device(struct config *config, const char *name)
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

/* --- filesystems --- */

static const char *store_mount_point(const struct config *config)
{
    return config_bool(config, "virtualisation.writableStore") ? STORE_LOWER_DIR : STORE_DIR;
}

/* Notes two shares with the same mount point, which is the name of a filesystem. */
static void check_mount_point(struct config *config, const json_t *mounts, const char *tag,
                              const char *where)
{
    const char *other = value_text(json_object_get(mounts, where), "device");

    if (!other)
        return;
    char *its CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.target", other);
    char *own CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.target", tag);
    bool is_last = config_origin(config, own).rank >= config_origin(config, its).rank;

    config_problem_of(config, is_last ? own : its, "virtualisation.sharedDirectories",
                      "shares %s and %s are both mounted on %s, expected a mount point for each",
                      other, tag, where);
}

/* The mount options of a share, the user's first, as in a filesystem; a new reference. The store
 * never changes while the guest runs. */
static json_t *share_options(const struct config *config, const struct share *share)
{
    bool store = streq(share->tag, SHARE_STORE);
    json_t *options = json_array();

    for (size_t i = 0; i < share->options.count; i++)
        json_array_append_new(options, json_string(share->options.items[i]));
    if (share->transport == SHARE_VIRTIOFS) {
        json_array_append_new(options, json_string(store ? STORE_OPTIONS : "defaults"));
        return options;
    }
    json_array_append_new(options, json_string("trans=" NINEP_TRANS));
    json_array_append_new(options, json_string("version=" NINEP_VERSION));
    json_array_append_new(options, json_sprintf("msize=%" JSON_INTEGER_FORMAT,
                                                config_integer(config, "virtualisation.msize")));
    if (store)
        json_array_append_new(options, json_string(STORE_OPTIONS_9P));
    return options;
}

static void define_shares(struct config *config, json_t *definitions)
{
    json_t *mounts = json_object();

    for (size_t i = 0; i < config->shares.count; i++) {
        const struct share *share = &config->shares.items[i];
        bool moved =
            streq(share->tag, SHARE_STORE) && config_bool(config, "virtualisation.writableStore");
        const char *where = moved ? store_mount_point(config) : share->target;

        if (!where)
            continue; /* a problem has been noted */
        check_mount_point(config, mounts, share->tag, where);
        json_object_set_new(mounts, where,
                            json_pack("{s:s,s:s,s:b,s:o}", "device", share->tag, "fsType",
                                      share_transport_name(share->transport), "neededForBoot", 1,
                                      "options", share_options(config, share)));
    }
    json_array_append_new(definitions, mounts);
}

static void define_root(const struct config *config, json_t *definitions)
{
    if (!config_bool(config, "virtualisation.useDefaultFilesystems"))
        return;
    if (!config_text(config, "virtualisation.diskImage"))
        add(definitions, "{s:{s:s,s:s}}", "/", "device", "tmpfs", "fsType", "tmpfs");
    else
        add(definitions, "{s:{s:s,s:s,s:b}}", "/", "device",
            config_text(config, "virtualisation.bootDevice"), "fsType", "ext4", "autoFormat", 1);
}

static void define_tmp(const struct config *config, json_t *definitions)
{
    if (!config_bool(config, "boot.tmpOnTmpfs"))
        return;
    const json_t *size = config_get(config, "boot.tmpOnTmpfsSize");
    json_t *option = json_is_string(size)
                         ? json_sprintf("size=%s", json_string_value(size))
                         : json_sprintf("size=%" JSON_INTEGER_FORMAT, json_integer_value(size));
    add(definitions, "{s:{s:s,s:s,s:b,s:[s,s,s,s,o]}}", "/tmp", "device", "tmpfs", "fsType",
        "tmpfs", "neededForBoot", 1, "options", "mode=1777", "strictatime", "nosuid", "nodev",
        option);
}

static void define_store(struct config *config, json_t *definitions)
{
    bool writable = config_bool(config, "virtualisation.writableStore");
    bool image = config_bool(config, "virtualisation.useNixStoreImage");

    if (!image && !share_find(&config->shares, SHARE_STORE) &&
        !config_text(config, "system.build.toplevel"))
        return;
    if (image) {
        char *device CLEANUP_FREE = named_drive_device(config, "nix-store");

        add(definitions, "{s:{s:s,s:b,s:[s]}}", store_mount_point(config), "device",
            device ? device : "?", "neededForBoot", 1, "options", STORE_OPTIONS);
    }
    if (writable && config_bool(config, "virtualisation.writableStoreUseTmpfs"))
        add(definitions, "{s:{s:s,s:b,s:[s]}}", STORE_UPPER_DIR, "fsType", "tmpfs", "neededForBoot",
            1, "options", STORE_OPTIONS_UPPER);
}

static void define_boot(struct config *config, json_t *definitions)
{
    if (!config_bool(config, "virtualisation.useBootLoader"))
        return;
    char *device CLEANUP_FREE = named_drive_device(config, "boot");
    add(definitions, "{s:{s:o,s:s,s:b}}", "/boot", "device",
        json_sprintf("%s2", device ? device : "?"), "fsType", "vfat", "noCheck", 1);
}

void builtin_filesystems(const struct scope *scope, json_t *definitions)
{
    define_shares(scope->config, definitions);
    define_root(scope->config, definitions);
    define_tmp(scope->config, definitions);
    define_store(scope->config, definitions);
    define_boot(scope->config, definitions);
}

/* --- inside a filesystem --- */

void builtin_fs_mount_point(const struct scope *scope, json_t *definitions)
{
    if (scope->name)
        add_weak(definitions, json_string(scope->name));
}

/* The device of a pseudo-filesystem is named after its type; a label names a device too. */
void builtin_fs_device(const struct scope *scope, json_t *definitions)
{
    static const char *const special[] = {"proc", "sysfs", "tmpfs", "ramfs", "devtmpfs", "devpts"};
    const char *type = value_text(scope->values, "fsType");
    const char *label = value_text(scope->values, "label");

    for (size_t i = 0; type && i < ELEMENTS(special); i++)
        if (streq(special[i], type))
            add_weak(definitions, json_string(type));
    if (label)
        add_weak(definitions, json_sprintf("/dev/disk/by-label/%s", label));
}

void builtin_fs_options(const struct scope *scope, json_t *definitions)
{
    if (json_is_true(json_object_get(scope->values, "autoResize")))
        add(definitions, "[s]", "x-nixos.autoresize");
}

/* --- modules --- */

void builtin_kernel_modules(const struct scope *scope, json_t *definitions)
{
    if (config_bool(scope->config, "virtualisation.useNixStoreImage") &&
        !config_bool(scope->config, "virtualisation.writableStore"))
        add(definitions, "[s]", "erofs");
}

void builtin_available_modules(const struct scope *scope, json_t *definitions)
{
    if (config_bool(scope->config, "virtualisation.writableStore"))
        add(definitions, "[s]", "overlay");
    if (streq(config_text(scope->config, "virtualisation.qemu.diskInterface"), "scsi"))
        add(definitions, "[s]", "sym53c8xx");
}
