/* SPDX-License-Identifier: MIT */
#include "host/config/schematypes.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "host/config/builtin.h"
#include "host/config/fsbuiltin.h"
#include "host/config/fsoverlay.h"
#include "host/config/netinterface.h"
#include "host/config/option.h"
#include "host/config/release.h"
#include "host/config/sharedefaults.h"
#include "host/config/size.h"

static const char *const drive_interfaces[] = {"virtio", "scsi", "ide", NULL};
static const char *const port_directions[] = {"host", "guest", NULL};
static const char *const port_protocols[] = {"tcp", "udp", NULL};
static const char *const automatic[] = {"auto", NULL};
static const char *const writes[] = {"keep", "discard", "refuse", NULL};
static const char *const transports[] = {"9p", "virtiofs", NULL};
static const char *const initrd_kinds[] = {"builtin", "system", NULL};
static const char *const term_actions[] = {"poweroff", "quit", NULL};
static const char *const kernel_kinds[] = {"auto", "bzImage", NULL};

const struct type type_release = {
    .kind = TYPE_CHOICE,
    .name = "one of \"22.11\", \"23.05\", \"23.11\", \"24.05\", \"24.11\", \"25.05\", \"25.11\", "
            "\"26.05\", \"26.11\"",
    .choices = release_names};
const struct type type_interface = {.kind = TYPE_CHOICE,
                                    .name = "one of \"virtio\", \"scsi\", \"ide\"",
                                    .choices = drive_interfaces};
static const struct type type_direction = {
    .kind = TYPE_CHOICE, .name = "one of \"host\", \"guest\"", .choices = port_directions};
static const struct type type_protocol = {
    .kind = TYPE_CHOICE, .name = "one of \"tcp\", \"udp\"", .choices = port_protocols};
const struct type type_kernel = {
    .kind = TYPE_CHOICE, .name = "one of \"auto\", \"bzImage\"", .choices = kernel_kinds};
const struct type type_initrd = {
    .kind = TYPE_CHOICE, .name = "one of \"builtin\", \"system\"", .choices = initrd_kinds};

const struct type type_writes = {
    .kind = TYPE_CHOICE, .name = "one of \"keep\", \"discard\", \"refuse\"", .choices = writes};
static const struct type type_term_action = {
    .kind = TYPE_CHOICE, .name = "one of \"poweroff\", \"quit\"", .choices = term_actions};
const struct type type_null_or_term_action = {.kind = TYPE_NULL_OR,
                                              .name = "null or one of \"poweroff\", \"quit\"",
                                              .element = &type_term_action};

static bool is_prefix(const char *text)
{
    return !*text || *text == '/';
}

static bool is_program(const char *text)
{
    return *text == '/' || (*text && !strchr(text, '/'));
}

static const struct type type_program = {
    .kind = TYPE_TEXT, .name = "absolute path, or the name of a program", .check = is_program};
const struct type type_null_or_program = {.kind = TYPE_NULL_OR,
                                          .name =
                                              "null, an absolute path, or the name of a program",
                                          .element = &type_program};

const struct type type_prefix = {
    .kind = TYPE_TEXT, .name = "path (a string that begins with /), or \"\"", .check = is_prefix};

/* An integer with its range, which messages and the manual show. */
#define RANGE(id, word, low, high, unit)                                                           \
    const struct type id = {.kind = TYPE_INTEGER,                                                  \
                            .name = word ", from " #low " to " #high unit,                         \
                            .min = low,                                                            \
                            .max = high}
/* The same for a size in units of `bytes`. The example is a whole number of them. */
#define SIZE(id, low, high, text, bytes, example)                                                  \
    const struct type id = {.kind = TYPE_SIZE,                                                     \
                            .name = "positive integer, from " #low " to " #high " (" text          \
                                    "), or a size such as \"" example "\"",                        \
                            .min = low,                                                            \
                            .max = high,                                                           \
                            .unit = bytes}
#define LIST(id, of, text)                                                                         \
    const struct type id = {.kind = TYPE_LIST, .name = "list of " text, .element = &of}

/* At most 52 bits of physical address. */
SIZE(type_memory, 1, 4294967296, "MiB", MIB, "2G");
/* The largest image with clusters of 64 KiB, qemu-img's default. */
static SIZE(type_disk_size, 1, 2147483648, "MiB", MIB, "20G");
/* The largest CONFIG_NR_CPUS of Linux. */
RANGE(type_cores, "positive integer", 1, 8192, "");
/* The smallest that the kernel's 9p client accepts, and the largest int. */
SIZE(type_msize, 4096, 2147483647, "bytes", 1, "128K");
static RANGE(type_tmpfs_bytes, "positive integer", 1, 9223372036854775807, " (bytes)");
/* A display reports its size in 16 bits. */
static RANGE(type_pixels, "positive integer", 1, 65535, "");
static RANGE(type_port, "16 bit unsigned integer", 0, 65535, "");
/* One byte of a network card's address. */
RANGE(type_node, "positive integer", 1, 255, "");
static const struct type type_automatic = {
    .kind = TYPE_CHOICE, .name = "\"auto\"", .choices = automatic};
static const struct type type_host_port = {
    .kind = TYPE_EITHER,
    .name = "16 bit unsigned integer, from 0 to 65535, or \"auto\"",
    .element = &type_port,
    .other = &type_automatic};
LIST(type_networks, netinterface_network, "unsigned integers, each from 0 to 255");
static const struct type type_some_disk_size = {
    .kind = TYPE_EITHER,
    .name = "positive integer, from 1 to 2147483648 (MiB), size such as \"20G\", or \"auto\"",
    .element = &type_disk_size,
    .other = &type_automatic};
const struct type type_null_or_size_of_disk = {
    .kind = TYPE_NULL_OR,
    .name = "null, positive integer, from 1 to 2147483648 (MiB), or a size such as \"20G\"",
    .element = &type_disk_size};
const struct type type_null_or_disk_size = {
    .kind = TYPE_NULL_OR,
    .name = "null, positive integer, from 1 to 2147483648 (MiB), size such as \"20G\", or \"auto\"",
    .element = &type_some_disk_size};

/* Accepts a size as the kernel's tmpfs reads it, bytes, with a unit, or a percentage of the memory,
 * after which further mount options may follow, and one as all other options have it. */
static bool is_tmpfs_size(const char *text)
{
    static const char units[] = "kKmMgGtTpPeE";
    size_t digits = strspn(text, "0123456789");
    const char *end = text + digits;
    uint64_t bytes;

    if (*end && (*end == '%' || strchr(units, *end)))
        end++;
    return (digits > 0 && digits <= 18 && (!*end || *end == ',')) ||
           (size_parse(text, 1, &bytes) && bytes > 0);
}

static const struct type type_tmpfs_text = {
    .kind = TYPE_TEXT, .name = "size such as \"50%\" or \"2G\"", .check = is_tmpfs_size};
const struct type type_tmpfs_size = {
    .kind = TYPE_EITHER,
    .name = "string such as \"50%\" or \"2G\", or positive integer, from 1 to "
            "9223372036854775807 (bytes)",
    .element = &type_tmpfs_text,
    .other = &type_tmpfs_bytes};

/* Accepts a size; without a unit it is in MiB, like the sizes of virtualisation. */
static bool is_size(const char *text)
{
    uint64_t bytes;

    return size_parse(text, MIB, &bytes) && bytes > 0;
}

static const struct type type_size_text = {.kind = TYPE_TEXT, .name = "size", .check = is_size};
/* As many MiB as 64 bits can count in bytes. */
static RANGE(type_mebibytes, "positive integer", 1, 17592186044415, " (MiB)");
static const struct type type_size = {.kind = TYPE_EITHER,
                                      .name = "size in MiB, or with K, M, G or T",
                                      .element = &type_size_text,
                                      .other = &type_mebibytes};
const struct type type_null_or_size = {
    .kind = TYPE_NULL_OR,
    .name = "null, positive integer, from 1 to 17592186044415 (MiB), or a string such as \"500M\" "
            "or \"4G\"",
    .element = &type_size};

#define SUBMODULE(id, text, rows)                                                                  \
    const struct type id = {                                                                       \
        .kind = TYPE_SUBMODULE, .name = text, .options = rows, .option_count = ELEMENTS(rows)}

static const struct option resolution_options[] = {
    {"x", &type_pixels, .help = "Width in pixels."},
    {"y", &type_pixels, .help = "Height in pixels."},
};
SUBMODULE(type_resolution, "set of x and y", resolution_options);

static const char *const security_models[] = {"none", "passthrough", "mapped-xattr", "mapped-file",
                                              NULL};
static const struct type type_security_model = {
    .kind = TYPE_CHOICE,
    .name = "one of \"none\", \"passthrough\", \"mapped-xattr\", \"mapped-file\"",
    .choices = security_models};

static const struct option share_options[] = {
    {"source", &type_text, .help = "The directory on the host. Variables and quotes are expanded."},
    {"target", &type_path, .help = "The guest's mount point."},
    {"options", &type_nonempties, "[]", .help = "More mount options."},
    {"writable", &type_bool, .compute = sharedefaults_writable,
     .shown = "true for xchg and shared; for others false from the release 26.11 on",
     .help = "Let the guest write to the directory. false: the host refuses it, and the guest "
             "mounts the share read-only."},
    {"securityModel", &type_security_model, .compute = sharedefaults_security_model,
     .shown = "\"mapped-xattr\" from the release 24.05 to 26.05, except for built-in shares; "
              "otherwise \"none\"",
     .help = "How QEMU stores owners and modes of files that the guest creates on a 9p share. "
             "\"none\": the files belong to the user who runs QEMU. \"mapped-xattr\": the guest "
             "sees the owners and modes that it has set, which are in extended attributes on the "
             "host; \"mapped-file\": in files below .virtfs_metadata. \"passthrough\": the host "
             "has them too, for which QEMU must run as root."},
};
static SUBMODULE(type_share, "set of source, target, options, writable and securityModel",
                 share_options);
const struct type type_shares = {
    .kind = TYPE_ATTRS, .name = "attribute set of shares", .element = &type_share};

static const char *const store_caches[] = {"loose", "none", "fscache", NULL};
const struct type type_store_cache = {.kind = TYPE_CHOICE,
                                      .name = "one of \"loose\", \"none\", \"fscache\"",
                                      .choices = store_caches};

const struct type type_transport = {
    .kind = TYPE_CHOICE, .name = "one of \"9p\", \"virtiofs\"", .choices = transports};
static const struct type type_null_or_transport = {.kind = TYPE_NULL_OR,
                                                   .name = "null or one of \"9p\", \"virtiofs\"",
                                                   .element = &type_transport};

static const char *const store_transports[] = {"auto", "9p", "virtiofs", NULL};
static const struct type type_store_transport = {.kind = TYPE_CHOICE,
                                                 .name = "one of \"auto\", \"9p\", \"virtiofs\"",
                                                 .choices = store_transports};
const struct type type_null_or_store_transport = {
    .kind = TYPE_NULL_OR,
    .name = "null or one of \"auto\", \"9p\", \"virtiofs\"",
    .element = &type_store_transport};

static const char *const store_images[] = {"pack", "file", NULL};
static const struct type type_store_image = {
    .kind = TYPE_CHOICE, .name = "one of \"pack\", \"file\"", .choices = store_images};
const struct type type_null_or_store_image = {.kind = TYPE_NULL_OR,
                                              .name = "null or one of \"pack\", \"file\"",
                                              .element = &type_store_image};

static const struct option share_setting_options[] = {
    {"transport", &type_null_or_transport, "null",
     .help = "The protocol of the share with that tag; null: that of runVm.transport."},
};
static SUBMODULE(type_share_settings, "settings of a share", share_setting_options);
const struct type type_shares_settings = {.kind = TYPE_ATTRS,
                                          .name = "attribute set of settings of shares",
                                          .element = &type_share_settings};

static const struct option port_options[] = {
    {"from", &type_direction, "\"host\"",
     .help = "The side that connects: \"host\" makes a port of the guest reachable from the host, "
             "\"guest\" makes a port of the host reachable from the guest."},
    {"proto", &type_protocol, "\"tcp\"", .help = "The protocol; with from = \"guest\" only tcp."},
    {"host.address", &type_text, "\"\"",
     .help = "The host's IPv4 address; \"\": every address of the host."},
    {"host.port", &type_host_port,
     .help =
         "The host's port. \"auto\", only with from = \"host\" and proto = \"tcp\": run-vm chooses "
         "a free one and says which."},
    {"guest.address", &type_text, "\"\"",
     .help = "The guest's IPv4 address; with from = \"guest\" one in 10.0.2.0/24."},
    {"guest.port", &type_port, .help = "The guest's port."},
};
static SUBMODULE(type_port_forward, "set of from, proto, host and guest", port_options);
const struct type type_port_forwards = {
    .kind = TYPE_LIST, .name = "list of port forwardings", .element = &type_port_forward};

static const struct option drive_options[] = {
    {"file", &type_text, .help = "The image file. Variables and quotes are expanded."},
    {"driveExtraOpts", &type_text_attrs, "{}", .help = "More keys for -drive."},
    {"deviceExtraOpts", &type_text_attrs, "{}", .help = "More keys for -device."},
    {"name", &type_null_or_text, "null",
     .help = "A name, unique among the drives. It is not passed to QEMU."},
};
static SUBMODULE(type_drive, "set of file, name, driveExtraOpts and deviceExtraOpts",
                 drive_options);
static const struct option empty_disk_options[] = {
    {"size", &type_disk_size, .help = "The size in MiB, or with K, M, G or T."},
    {"driveConfig.name", &type_null_or_text, "null", .help = "A name, unique among the drives."},
    {"driveConfig.driveExtraOpts", &type_text_attrs, "{}", .help = "More keys for -drive."},
    {"driveConfig.deviceExtraOpts", &type_text_attrs, "{}",
     .help = "More keys for -device, such as serial, which gives it the name "
             "/dev/disk/by-id/virtio-SERIAL in the guest."},
};
static SUBMODULE(type_empty_disk_set, "set of size and driveConfig", empty_disk_options);
static const struct type type_empty_disk = {
    .kind = TYPE_EITHER,
    .name =
        "positive integer, from 1 to 2147483648 (MiB), size such as \"20G\", or set of size and "
        "driveConfig",
    .element = &type_disk_size,
    .other = &type_empty_disk_set};
LIST(type_empty_disks, type_empty_disk,
     "positive integers, each from 1 to 2147483648 (MiB), sizes such as \"20G\", or sets of size "
     "and driveConfig");

const struct type type_drives = {
    .kind = TYPE_LIST, .name = "list of drives", .element = &type_drive};

static const struct type type_null_or_paths = {
    .kind = TYPE_NULL_OR, .name = "null or list of paths", .element = &type_paths};

static const struct option filesystem_options[] = {
    {"enable", &type_bool, "true", .help = "false: as if the entry were not there."},
    {"overlay.lowerdir", &type_null_or_paths, "null",
     .help = "The lower layers of an overlay, the topmost first, as paths in the guest; null: no "
             "overlay. It has the type \"overlay\", and is mounted after the filesystems that its "
             "layers are on. Without an upperdir it is read-only, and needs two lower layers."},
    {"overlay.upperdir", &type_null_or_path, "null",
     .help = "The directory that receives the overlay's writes. It is made if it is missing."},
    {"overlay.workdir", &type_null_or_path, "null",
     .help = "A directory for the overlay itself, on the filesystem of upperdir. It is made if it "
             "is missing."},
    {"overlay.useStage1BaseDirectories", &type_bool, "true",
     .help = "The layers are in the guest's root. false: they are in the initrd, which only the "
             "system's own supports (runVm.initrd)."},
    {"mountPoint", &type_mount_point, .define = builtin_entry_name, .shown = "the entry's name",
     .help = "The mount point."},
    {"label", &type_null_or_nonempty, "null",
     .help = "The label of the device, instead of its path."},
    {"fsType", &type_nonempty, "\"auto\"", .define = fsoverlay_define_type,
     .help = "The type; \"auto\": it is probed."},
    {"device", &type_null_or_nonempty, "null", .define = fsbuiltin_device,
     .help = "The device's path, or a share's tag."},
    {"autoResize", &type_bool, "false", .help = "Grow it to the size of the device."},
    {"options", &type_nonempties, "[\"defaults\"]", .define = fsbuiltin_options,
     .help = "Mount options. Built-in ones are appended to the user's."},
    {"neededForBoot", &type_bool, "false", .help = "Mount it before stage 2."},
    {"autoFormat", &type_bool, "false", .help = "Format the device if it is blank."},
    {"formatOptions", &type_anything, "null", .help = "No effect on run-vm."},
    {"noCheck", &type_bool, "false",
     .help = "Do not check it before it is mounted. Read by stage 2."},
    {"depends", &type_mount_points, "[]", .define = fsoverlay_define_depends,
     .help = "Mount points of filesystems to be mounted before this one."},
    {"encrypted.enable", &type_bool, "false", .help = "Read by stage 2; no effect on run-vm."},
    {"encrypted.blkDev", &type_null_or_nonempty, "null",
     .help = "Read by stage 2; no effect on run-vm."},
    {"encrypted.label", &type_null_or_nonempty, "null",
     .help = "Read by stage 2; no effect on run-vm."},
    {"encrypted.keyFile", &type_null_or_nonempty, "null",
     .help = "Read by stage 2; no effect on run-vm."},
    {"stratis.poolUuid", &type_null_or_text, "null",
     .help = "Read by stage 2; no effect on run-vm."},
};
static SUBMODULE(type_filesystem, "filesystem", filesystem_options);
const struct type type_filesystems = {
    .kind = TYPE_ATTRS, .name = "attribute set of filesystems", .element = &type_filesystem};

static const struct type type_null_or_bool = {
    .kind = TYPE_NULL_OR, .name = "null, true or false", .element = &type_bool};

static const struct option firmware_options[] = {
    {"firmware", &type_null_or_path, "null", .help = "The firmware's code; null: Debian's."},
    {"variables", &type_null_or_path, "null",
     .help = "The template of the EFI variables; null: Debian's."},
    {"systemManagementModeRequired", &type_null_or_bool, "null",
     .help = "Whether the firmware needs system management mode, which only x86 has; null: if "
             "useSecureBoot is true, or the name of the firmware's code has secboot, secure, "
             "snakeoil or .ms. in it."},
};
static SUBMODULE(type_firmware_set, "set of firmware, variables and systemManagementModeRequired",
                 firmware_options);
static const struct type type_firmware = {
    .kind = TYPE_EITHER,
    .name = "path, or set of firmware, variables and systemManagementModeRequired",
    .element = &type_path,
    .other = &type_firmware_set};
const struct type type_null_or_firmware = {
    .kind = TYPE_NULL_OR,
    .name = "null, path, or set of firmware, variables and systemManagementModeRequired",
    .element = &type_firmware};

/* Accepts a path; a label in it must be one of a FAT filesystem that mlabel does not change. */
static bool is_boot_partition(const char *text)
{
    const char *label = startswith(text, "/dev/disk/by-label/");
    size_t length =
        label ? strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
              : 0;

    return label ? length > 0 && length <= 11 && !label[length] : *text == '/';
}

static const struct type type_boot_partition = {
    .kind = TYPE_TEXT, .name = "path", .check = is_boot_partition};
const struct type type_null_or_boot_partition = {
    .kind = TYPE_NULL_OR,
    .name = "null or path, of which a label has at most 11 letters, digits, _ and -",
    .element = &type_boot_partition};

static const struct type type_attrs = {
    .kind = TYPE_ATTRS, .name = "attribute set", .element = &type_anything};
const struct type type_platform = {.kind = TYPE_EITHER,
                                   .name = "string such as \"x86_64-linux\", or a set with "
                                           "system",
                                   .element = &type_nonempty,
                                   .other = &type_attrs};
