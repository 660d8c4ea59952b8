/* SPDX-License-Identifier: MIT */
#include "host/config/schema.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/builtin.h"
#include "host/config/decode.h"
#include "host/config/size.h"

static const char *const drive_interfaces[] = {"virtio", "scsi", "ide", NULL};
static const char *const port_directions[] = {"host", "guest", NULL};
static const char *const port_protocols[] = {"tcp", "udp", NULL};
static const char *const transports[] = {"9p", "virtiofs", NULL};
static const char *const initrd_kinds[] = {"builtin", "system", NULL};
static const char *const kernel_kinds[] = {"auto", "bzImage", NULL};

static const struct type type_interface = {.kind = TYPE_CHOICE,
                                           .name = "one of \"virtio\", \"scsi\", \"ide\"",
                                           .choices = drive_interfaces};
static const struct type type_direction = {
    .kind = TYPE_CHOICE, .name = "one of \"host\", \"guest\"", .choices = port_directions};
static const struct type type_protocol = {
    .kind = TYPE_CHOICE, .name = "one of \"tcp\", \"udp\"", .choices = port_protocols};
static const struct type type_kernel = {
    .kind = TYPE_CHOICE, .name = "one of \"auto\", \"bzImage\"", .choices = kernel_kinds};
static const struct type type_initrd = {
    .kind = TYPE_CHOICE, .name = "one of \"builtin\", \"system\"", .choices = initrd_kinds};

static bool is_prefix(const char *text)
{
    return !*text || *text == '/';
}

static const struct type type_prefix = {
    .kind = TYPE_TEXT, .name = "path (a string that begins with /), or \"\"", .check = is_prefix};

/* An integer with its range, which messages and the manual show. */
#define RANGE(id, word, low, high, unit)                                                           \
    static const struct type id = {.kind = TYPE_INTEGER,                                           \
                                   .name = word ", from " #low " to " #high unit,                  \
                                   .min = low,                                                     \
                                   .max = high}
#define LIST(id, of, text)                                                                         \
    static const struct type id = {.kind = TYPE_LIST, .name = "list of " text, .element = &of}

/* At most 52 bits of physical address. */
RANGE(type_memory, "positive integer", 1, 4294967296, " (MiB)");
/* The largest image with clusters of 64 KiB, qemu-img's default. */
RANGE(type_disk_size, "positive integer", 1, 2147483648, " (MiB)");
/* The largest CONFIG_NR_CPUS of Linux. */
RANGE(type_cores, "positive integer", 1, 8192, "");
/* The smallest that the kernel's 9p client accepts, and the largest int. */
RANGE(type_msize, "positive integer", 4096, 2147483647, " (bytes)");
RANGE(type_tmpfs_bytes, "positive integer", 1, 9223372036854775807, " (bytes)");
/* A display reports its size in 16 bits. */
RANGE(type_pixels, "positive integer", 1, 65535, "");
RANGE(type_port, "16 bit unsigned integer", 0, 65535, "");
/* One byte of a network card's address. */
RANGE(type_network, "unsigned integer", 0, 255, "");
RANGE(type_node, "positive integer", 1, 255, "");
LIST(type_networks, type_network, "unsigned integers, each from 0 to 255");
static const struct type type_null_or_disk_size = {
    .kind = TYPE_NULL_OR,
    .name = "null or positive integer, from 1 to 2147483648 (MiB)",
    .element = &type_disk_size};

/* Accepts a size as the kernel's tmpfs reads it: bytes, with a unit, or a percentage of the memory.
 * After a comma further mount options may follow. */
static bool is_tmpfs_size(const char *text)
{
    static const char units[] = "kKmMgGtTpPeE";
    size_t digits = strspn(text, "0123456789");
    const char *end = text + digits;

    if (*end && (*end == '%' || strchr(units, *end)))
        end++;
    return digits > 0 && digits <= 18 && (!*end || *end == ',');
}

static const struct type type_tmpfs_text = {
    .kind = TYPE_TEXT, .name = "size such as \"50%\" or \"2G\"", .check = is_tmpfs_size};
static const struct type type_tmpfs_size = {
    .kind = TYPE_EITHER,
    .name = "string such as \"50%\" or \"2G\", or positive integer, from 1 to "
            "9223372036854775807 (bytes)",
    .element = &type_tmpfs_text,
    .other = &type_tmpfs_bytes};

/* Accepts a size; without a unit it is in MiB, like the sizes of virtualisation. */
static bool is_size(const char *text)
{
    uint64_t bytes;

    return size_parse(text, UINT64_C(1) << 20, &bytes) && bytes > 0;
}

static const struct type type_size_text = {.kind = TYPE_TEXT, .name = "size", .check = is_size};
/* As many MiB as 64 bits can count in bytes. */
RANGE(type_mebibytes, "positive integer", 1, 17592186044415, " (MiB)");
static const struct type type_size = {.kind = TYPE_EITHER,
                                      .name = "size in MiB, or with K, M, G or T",
                                      .element = &type_size_text,
                                      .other = &type_mebibytes};
static const struct type type_null_or_size = {
    .kind = TYPE_NULL_OR,
    .name = "null, positive integer, from 1 to 17592186044415 (MiB), or a string such as \"500M\" "
            "or \"4G\"",
    .element = &type_size};

#define SUBMODULE(id, text, rows)                                                                  \
    static const struct type id = {                                                                \
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
    {"securityModel", &type_security_model, "\"none\"",
     .help = "How QEMU stores owners and modes of files that the guest creates on a 9p share; "
             "\"none\": the files belong to the user who runs QEMU."},
};
SUBMODULE(type_share, "set of source, target, options and securityModel", share_options);
static const struct type type_shares = {
    .kind = TYPE_ATTRS, .name = "attribute set of shares", .element = &type_share};

static const struct type type_transport = {
    .kind = TYPE_CHOICE, .name = "one of \"9p\", \"virtiofs\"", .choices = transports};
static const struct type type_null_or_transport = {.kind = TYPE_NULL_OR,
                                                   .name = "null or one of \"9p\", \"virtiofs\"",
                                                   .element = &type_transport};

static const struct option share_setting_options[] = {
    {"transport", &type_null_or_transport, "null",
     .help = "The protocol of the share with that tag; null: that of runVm.transport."},
};
SUBMODULE(type_share_settings, "settings of a share", share_setting_options);
static const struct type type_shares_settings = {.kind = TYPE_ATTRS,
                                                 .name = "attribute set of settings of shares",
                                                 .element = &type_share_settings};

static const struct option port_options[] = {
    {"from", &type_direction, "\"host\"",
     .help = "The side that connects: \"host\" makes a port of the guest reachable from the host, "
             "\"guest\" makes a port of the host reachable from the guest."},
    {"proto", &type_protocol, "\"tcp\"", .help = "The protocol; with from = \"guest\" only tcp."},
    {"host.address", &type_text, "\"\"",
     .help = "The host's IPv4 address; \"\": every address of the host."},
    {"host.port", &type_port, .help = "The host's port."},
    {"guest.address", &type_text, "\"\"",
     .help = "The guest's IPv4 address; with from = \"guest\" one in 10.0.2.0/24."},
    {"guest.port", &type_port, .help = "The guest's port."},
};
SUBMODULE(type_port_forward, "set of from, proto, host and guest", port_options);
static const struct type type_port_forwards = {
    .kind = TYPE_LIST, .name = "list of port forwardings", .element = &type_port_forward};

static const struct option drive_options[] = {
    {"file", &type_text, .help = "The image file. Variables and quotes are expanded."},
    {"driveExtraOpts", &type_text_attrs, "{}", .help = "More keys for -drive."},
    {"deviceExtraOpts", &type_text_attrs, "{}", .help = "More keys for -device."},
    {"name", &type_null_or_text, "null",
     .help = "A name, unique among the drives. It is not passed to QEMU."},
};
SUBMODULE(type_drive, "set of file, name, driveExtraOpts and deviceExtraOpts", drive_options);
static const struct option empty_disk_options[] = {
    {"size", &type_disk_size, .help = "The size in MiB."},
    {"driveConfig.name", &type_null_or_text, "null", .help = "A name, unique among the drives."},
    {"driveConfig.driveExtraOpts", &type_text_attrs, "{}", .help = "More keys for -drive."},
    {"driveConfig.deviceExtraOpts", &type_text_attrs, "{}",
     .help = "More keys for -device, such as serial, which gives it the name "
             "/dev/disk/by-id/virtio-SERIAL in the guest."},
};
SUBMODULE(type_empty_disk_set, "set of size and driveConfig", empty_disk_options);
static const struct type type_empty_disk = {
    .kind = TYPE_EITHER,
    .name = "positive integer, from 1 to 2147483648 (MiB), or set of size and driveConfig",
    .element = &type_disk_size,
    .other = &type_empty_disk_set};
LIST(type_empty_disks, type_empty_disk,
     "positive integers, each from 1 to 2147483648 (MiB), or sets of size and driveConfig");

static const struct type type_drives = {
    .kind = TYPE_LIST, .name = "list of drives", .element = &type_drive};

static const struct option filesystem_options[] = {
    {"mountPoint", &type_mount_point, .define = builtin_fs_mount_point, .shown = "the entry's name",
     .help = "The mount point."},
    {"label", &type_null_or_nonempty, "null",
     .help = "The label of the device, instead of its path."},
    {"fsType", &type_nonempty, "\"auto\"", .help = "The type; \"auto\": it is probed."},
    {"device", &type_null_or_nonempty, "null", .define = builtin_fs_device,
     .help = "The device's path, or a share's tag."},
    {"autoResize", &type_bool, "false", .help = "Grow it to the size of the device."},
    {"options", &type_nonempties, "[\"defaults\"]", .define = builtin_fs_options,
     .help = "Mount options. Built-in ones are appended to the user's."},
    {"neededForBoot", &type_bool, "false", .help = "Mount it before stage 2."},
    {"autoFormat", &type_bool, "false", .help = "Format the device if it is blank."},
    {"formatOptions", &type_anything, "null", .help = "No effect on run-vm."},
    {"noCheck", &type_bool, "false",
     .help = "Do not check it before it is mounted. Read by stage 2."},
    {"depends", &type_mount_points, "[]",
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
SUBMODULE(type_filesystem, "filesystem", filesystem_options);
static const struct type type_filesystems = {
    .kind = TYPE_ATTRS, .name = "attribute set of filesystems", .element = &type_filesystem};

static const struct type type_attrs = {
    .kind = TYPE_ATTRS, .name = "attribute set", .element = &type_anything};
static const struct type type_platform = {.kind = TYPE_EITHER,
                                          .name = "string such as \"x86_64-linux\", or a set with "
                                                  "system",
                                          .element = &type_nonempty,
                                          .other = &type_attrs};

#define V "virtualisation."

const struct option schema_options[] = {
    {"networking.hostName", &type_host_name, "\"nixos\"",
     .help = "The guest's host name, the default of system.name."},
    {"networking.primaryIPAddress", &type_text, "\"\"",
     .help = "The guest's address in its own /etc/hosts. No effect on run-vm."},
    {"system.name", &type_text, .compute = builtin_name,
     .shown = "networking.hostName, or \"unnamed\" if that is empty",
     .help = "The name of the machine; the disk image is named after it."},
    {"system.build.toplevel", &type_null_or_path, "null",
     .help = "The system: a directory with kernel, initrd, init, kernel-params and kernel-modules. "
             "Without it give --kernel, --modules-dir and --init."},
    {"system.build.regInfo", &type_null_or_path, "null",
     .help = "A directory with registration and store-paths of the closure of additionalPaths. "
             "null: both are made from the host's Nix database."},
    {"system.build.storeClosure", &type_null_or_path, "null",
     .help = "A directory whose store-paths lists the content of the store image. null: the "
             "image has the closure of additionalPaths."},
    {"system.build.storeImage", &type_null_or_path, "null",
     .help = "A directory with nixos.qcow2, the backing file of a writable store image. null: an "
             "erofs image under the guest's overlay."},
    {"system.build.bootDisk", &type_null_or_path, "null",
     .help = "A directory with disk.img and, for EFI, efi-vars.fd. null: the boot disk is built "
             "in a temporary virtual machine."},
    {"nixpkgs.hostPlatform", &type_platform, .compute = builtin_platform, .decode = decode_platform,
     .shown = "the machine that run-vm runs on",
     .help = "The guest's system, such as \"x86_64-linux\"."},
    {"boot.kernelParams", &type_kernel_parameters, "[]",
     .help =
         "Kernel parameters, used without system.build.toplevel, whose kernel-params has them."},
    {"boot.tmpOnTmpfs", &type_bool, "false", .help = "Mount a tmpfs on /tmp."},
    {"boot.tmpOnTmpfsSize", &type_tmpfs_size, "\"50%\"", .help = "The size of that tmpfs."},
    {"nix.enable", &type_bool, "true",
     .help = "Whether the guest has Nix; false: no path is registered in its database."},
    {"runVm.initrd", &type_initrd, "\"builtin\"",
     .help = "\"builtin\": run-vm's initrd, made from the kernel's modules. \"system\": the "
             "system's own, unchanged."},
    {"runVm.kernel", &type_kernel, "\"auto\"",
     .help = "\"auto\": decompress a kernel for x86_64 once on the host and boot it through PVH, "
             "which skips decompression and address randomisation in the guest; not with EFI, "
             "bios, or the system's own initrd. \"bzImage\": boot the kernel unchanged."},
    {"runVm.kernelSelfTests", &type_bool, "false",
     .help =
         "Let the kernel test its cryptography at boot, as Debian's kernels do. false: with the "
         "builtin initrd cryptomgr.notests=1 is passed, which saves a third of the kernel's boot "
         "time; the user's own such parameter, or fips=1, takes precedence."},
    {"runVm.cacheSize", &type_null_or_size, "null", .decode = decode_cache_size,
     .shown = "4G, or a tenth of the cache's filesystem if that is less",
     .help =
         "The size limit of the cache, in MiB or with K, M, G or T. When an entry is added, the "
         "least recently used ones are removed, except those in use."},
    {"runVm.transport", &type_transport, "\"9p\"",
     .help = "The protocol of shared directories: \"9p\", served by QEMU itself, or \"virtiofs\", "
             "which is faster and needs one virtiofsd for each share."},
    {"runVm.shares", &type_shares_settings, "{}",
     .help = "Settings of shares beyond virtualisation.sharedDirectories, by tag."},
    {"runVm.sandbox", &type_bool, "true",
     .help =
         "Limit QEMU to the system calls that this machine needs (-sandbox). The sandbox is left "
         "out, with a warning, if the user's network options have QEMU start a program (bridge "
         "helper, tap scripts, smb=, guestfwd=...-cmd:), which could not gain privileges in it. "
         "Set this to false for a QEMU that is built without seccomp."},
    {"runVm.stripModules", &type_bool, "false",
     .help =
         "Also strip signed modules (unsigned ones always are) of symbols, BTF and ftrace data. "
         "This "
         "removes the signature: the kernel is tainted, and one that enforces signatures refuses "
         "the modules."},
    {"runVm.store", &type_prefix, "\"\"",
     .help = "The host directory with the Nix store of the guest's system, as nix-store --store "
             "makes it: the guest's /nix/store/X is nix/store/X in this directory. \"\": the "
             "host's own store."},

    {V "memorySize", &type_memory, "1024", .help = "The guest's memory in MiB."},
    {V "cores", &type_cores, "1", .help = "The number of the guest's processors."},
    {V "msize", &type_msize, "16384",
     .help =
         "The largest 9p message in bytes. If it is not set, the builtin initrd mounts the store "
         "and the root with 131072."},
    {V "diskSize", &type_null_or_disk_size, "1024",
     .help = "The size of the disk image in MiB when it is created."},
    {V "diskImage", &type_null_or_text, .compute = builtin_disk_image,
     .shown = "\"./${config.system.name}.qcow2\"; null with --root-dir",
     .help = "The image of the root disk, created if it does not exist. null: the root is a tmpfs, "
             "whose content is lost. Variables are expanded; NIX_DISK_IMAGE takes precedence."},
    {V "persistBootDevice", &type_bool, "false",
     .help = "Keep the boot disk in the temporary directory instead of making a new one."},
    {V "emptyDiskImages", &type_empty_disks, "[]", .decode = decode_empty_disks,
     .help = "Sizes in MiB of additional disks, which are created empty."},
    {V "graphics", &type_bool, "true",
     .help = "Open a window. false: -nographic, and the serial console is the preferred one."},
    {V "resolution", &type_resolution, "{\"x\": 1024, \"y\": 768}", .decode = decode_resolution,
     .help = "The size of the display in pixels. If it is set and graphics is true, also the "
             "display's preferred mode (EDID)."},
    {V "useNixStoreImage", &type_bool, "false",
     .help = "Give the guest its store as a disk image instead of a share."},
    {V "useBootLoader", &type_bool, "false",
     .help = "Boot through the boot loader on a boot disk instead of giving QEMU the kernel."},
    {V "useEFIBoot", &type_bool, "false", .help = "Give the guest EFI firmware."},
    {V "efi.firmware", &type_path, .compute = builtin_efi_firmware,
     .shown = "that of Debian's ovmf or qemu-efi-aarch64", .help = "The EFI firmware's code."},
    {V "efi.variables", &type_path, .compute = builtin_efi_variables,
     .shown = "those of Debian's ovmf or qemu-efi-aarch64",
     .help = "The template of the EFI variables."},
    {V "efiVars", &type_text, .compute = builtin_efi_vars,
     .shown = "\"./${config.system.name}-efi-vars.fd\"",
     .help = "The file of the guest's EFI variables, created if it does not exist. Variables are "
             "expanded; NIX_EFI_VARS takes precedence."},
    {V "useDefaultFilesystems", &type_bool, "true",
     .help = "Format the root disk if it is blank and mount it on /."},
    {V "bios", &type_null_or_path, "null",
     .help = "A directory with bios.bin, which replaces QEMU's BIOS."},
    {V "restrictNetwork", &type_bool, "false",
     .help = "Cut the guest off from the network, except for forwardPorts. QEMU then drops UDP "
             "replies too. Networks of the user's own options are not restricted."},
    {V "vlans", &type_networks, "[1]", .decode = decode_vlans,
     .help = "Virtual networks: for each number N, a network card on the VDE switch that "
             "QEMU_VDE_SOCKET_N names, if that variable is set."},
    {V "test.nodeNumber", &type_node, "1",
     .help = "The last byte of the network cards' addresses on the virtual networks."},
    {V "writableStore", &type_bool, "true", .help = "Mount a writable overlay on the Nix store."},
    {V "writableStoreUseTmpfs", &type_bool, "true",
     .help = "Keep the overlay's writes in memory instead of on the root."},
    {V "host.pkgs", &type_anything, "null", .help = "No effect on run-vm."},
    {V "qemu.package", &type_null_or_path, "null", .shown = "the programs on PATH",
     .help = "A directory with QEMU and qemu-img in its bin/."},
    {V "qemu.diskInterface", &type_interface, "\"virtio\"", .decode = decode_disk_interface,
     .help = "The interface of the drives."},
    {V "qemu.guestAgent.enable", &type_bool, "true",
     .help = "If it is set to true: a channel for the guest agent, with the socket qga.sock in the "
             "temporary directory."},
    {V "qemu.virtioKeyboard", &type_bool, "true", .help = "Add a virtio keyboard."},
    {V "qemu.consoles", &type_texts, .compute = builtin_consoles,
     .shown = "the serial console and tty0, the preferred one last",
     .help = "Values of console= on the kernel command line; the last is the preferred one."},
    {V "pathsInNixDB", &type_paths, .alias_of = V "additionalPaths",
     .help = "The old name of additionalPaths."},
    {V "additionalPaths", &type_paths, "[]", .define = builtin_additional_paths,
     .help =
         "Store paths whose closure is in the guest's store. The system is always one of them."},
    {V "forwardPorts", &type_port_forwards, "[]", .decode = decode_forward_ports,
     .help = "Ports of the guest that are reachable from the host, or the reverse."},
    {V "sharedDirectories", &type_shares, "{}", .define = builtin_shares, .decode = decode_shares,
     .help = "Directories that the guest shares with the host, by tag. nix-store, xchg and shared "
             "are built in."},
    {V "qemu.networkingOptions", &type_texts, "[]", .define = builtin_networking,
     .decode = decode_networking_options,
     .help =
         "QEMU's network options, expanded and split on white space. A network with the id user.0, "
         "and a card on it, replace the built-in ones. If no network option remains, the machine "
         "has no network card (-nic none)."},
    {V "qemu.options", &type_texts, "[]", .define = builtin_qemu_options,
     .decode = decode_qemu_options,
     .help =
         "More options for QEMU, expanded and split on white space. The user's options, here, in "
         "QEMU_OPTS or after --, take precedence: an accelerator, -machine TYPE, -cpu, -m, "
         "-smp, -sandbox and -vga replace run-vm's own."},
    {V "qemu.drives", &type_drives, "[]", .define = builtin_drives, .decode = decode_drives,
     .help = "The drives, in order."},
    {V "bootDevice", &type_path, .define = builtin_boot_device, .shown = "the first drive",
     .help = "The device of the root filesystem."},
    {V "fileSystems", &type_filesystems, "{}", .define = builtin_filesystems,
     .decode = decode_filesystems, .help = "The guest's filesystems by mount point."},
    {"boot.initrd.kernelModules", &type_texts, "[]", .define = builtin_kernel_modules,
     .help = "Kernel modules that the initrd loads."},
    {"boot.initrd.availableKernelModules", &type_texts, "[]", .define = builtin_available_modules,
     .help = "Kernel modules in the initrd, loaded when a device needs them."},
};
const size_t schema_option_count = ELEMENTS(schema_options);
