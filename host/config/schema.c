/* SPDX-License-Identifier: MIT */
#include "host/config/schema.h"

#include <string.h>

#include "base/alloc.h"
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

/* An integer with its range, which errors and the manual name. */
#define RANGE(id, word, low, high, unit)                                                           \
    static const struct type id = {.kind = TYPE_INTEGER,                                           \
                                   .name = word ", from " #low " to " #high unit,                  \
                                   .min = low,                                                     \
                                   .max = high}
#define LIST(id, of, text)                                                                         \
    static const struct type id = {.kind = TYPE_LIST, .name = "list of " text, .element = &of}

/* Physical addresses have 52 bits. */
RANGE(type_memory, "positive integer", 1, 4294967296, " (MiB)");
/* An image with clusters of 64 KiB, which qemu-img makes, can be no larger. */
RANGE(type_disk_size, "positive integer", 1, 2147483648, " (MiB)");
/* Linux can be built for no more. */
RANGE(type_cores, "positive integer", 1, 8192, "");
/* The kernel's 9p client refuses less, and reads an int. */
RANGE(type_msize, "positive integer", 4096, 2147483647, " (bytes)");
RANGE(type_tmpfs_bytes, "positive integer", 1, 9223372036854775807, " (bytes)");
/* A display tells its size in 16 bits. */
RANGE(type_pixels, "positive integer", 1, 65535, "");
RANGE(type_port, "16 bit unsigned integer", 0, 65535, "");
/* A byte of the address of a card. */
RANGE(type_network, "unsigned integer", 0, 255, "");
RANGE(type_node, "positive integer", 1, 255, "");
LIST(type_networks, type_network, "unsigned integers, each from 0 to 255");
static const struct type type_null_or_disk_size = {
    .kind = TYPE_NULL_OR,
    .name = "null or positive integer, from 1 to 2147483648 (MiB)",
    .element = &type_disk_size};

/* A size as the kernel's tmpfs reads it: bytes, with a unit, or a share of the memory. What stands
 * behind a comma are further options. */
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

/* The default of MiB is that of virtualisation's sizes. */
static bool is_size(const char *text)
{
    uint64_t bytes;

    return size_parse(text, UINT64_C(1) << 20, &bytes) && bytes > 0;
}

static const struct type type_size_text = {.kind = TYPE_TEXT, .name = "size", .check = is_size};
/* More bytes than 64 bits can count are no size. */
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
    {"source", &type_text,
     .help = "The directory on the host. Variables and quotes in it are expanded."},
    {"target", &type_path, .help = "Where the guest mounts it."},
    {"options", &type_nonempties, "[]", .help = "More options of its mount."},
    {"securityModel", &type_security_model, "\"none\"",
     .help =
         "How QEMU keeps owners and modes of files that the guest makes on a 9p share; \"none\": "
         "as the user that it runs as."},
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
     .help = "How the share of that tag reaches the guest; null: as runVm.transport says."},
};
SUBMODULE(type_share_settings, "settings of a share", share_setting_options);
static const struct type type_shares_settings = {.kind = TYPE_ATTRS,
                                                 .name = "attribute set of settings of shares",
                                                 .element = &type_share_settings};

static const struct option port_options[] = {
    {"from", &type_direction, "\"host\"",
     .help = "The side that connects: \"host\" makes a port of the guest reachable from the host, "
             "\"guest\" one of the host from the guest."},
    {"proto", &type_protocol, "\"tcp\"", .help = "The protocol; from the guest only tcp."},
    {"host.address", &type_text, "\"\"",
     .help = "The host's IPv4 address; empty: all of its addresses."},
    {"host.port", &type_port, .help = "The host's port."},
    {"guest.address", &type_text, "\"\"",
     .help = "The guest's IPv4 address; with from = \"guest\" one in 10.0.2.0/24."},
    {"guest.port", &type_port, .help = "The guest's port."},
};
SUBMODULE(type_port_forward, "set of from, proto, host and guest", port_options);
static const struct type type_port_forwards = {
    .kind = TYPE_LIST, .name = "list of port forwardings", .element = &type_port_forward};

static const struct option drive_options[] = {
    {"file", &type_text, .help = "The image. Variables and quotes in it are expanded."},
    {"driveExtraOpts", &type_text_attrs, "{}", .help = "More keys for -drive."},
    {"deviceExtraOpts", &type_text_attrs, "{}", .help = "More keys for -device."},
    {"name", &type_null_or_text, "null",
     .help = "A name, unique among the drives. QEMU does not see it."},
};
SUBMODULE(type_drive, "set of file, name, driveExtraOpts and deviceExtraOpts", drive_options);
static const struct option empty_disk_options[] = {
    {"size", &type_disk_size, .help = "Its size."},
    {"driveConfig.name", &type_null_or_text, "null", .help = "As that of a drive."},
    {"driveConfig.driveExtraOpts", &type_text_attrs, "{}", .help = "More keys for -drive."},
    {"driveConfig.deviceExtraOpts", &type_text_attrs, "{}",
     .help = "More keys for -device, such as serial, by which the guest finds it as "
             "/dev/disk/by-id/virtio-SERIAL."},
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

static const struct option file_system_options[] = {
    {"mountPoint", &type_mount_point, .define = builtin_fs_mount_point, .shown = "the entry's name",
     .help = "Where it is mounted."},
    {"label", &type_null_or_nonempty, "null",
     .help = "The label of its device, in place of device."},
    {"fsType", &type_nonempty, "\"auto\"", .help = "Its type."},
    {"device", &type_null_or_nonempty, "null", .define = builtin_fs_device,
     .help = "The device, or the tag of a share."},
    {"autoResize", &type_bool, "false", .help = "Grow it to the size of its device."},
    {"options", &type_nonempties, "[\"defaults\"]", .define = builtin_fs_options,
     .help = "Mount options. Definitions are strung together, the user's first."},
    {"neededForBoot", &type_bool, "false", .help = "Mount it before stage 2."},
    {"autoFormat", &type_bool, "false", .help = "Format the device when it is blank."},
    {"formatOptions", &type_anything, "null", .help = "Not used."},
    {"noCheck", &type_bool, "false", .help = "Do not check it before mounting (stage 2)."},
    {"depends", &type_mount_points, "[]", .help = "Mount points that must be there before."},
    {"encrypted.enable", &type_bool, "false", .help = "Not used: stage 2's."},
    {"encrypted.blkDev", &type_null_or_nonempty, "null", .help = "Not used: stage 2's."},
    {"encrypted.label", &type_null_or_nonempty, "null", .help = "Not used: stage 2's."},
    {"encrypted.keyFile", &type_null_or_nonempty, "null", .help = "Not used: stage 2's."},
    {"stratis.poolUuid", &type_null_or_text, "null", .help = "Not used: stage 2's."},
};
SUBMODULE(type_file_system, "file system", file_system_options);
static const struct type type_file_systems = {
    .kind = TYPE_ATTRS, .name = "attribute set of file systems", .element = &type_file_system};

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
     .help = "The guest's host name, from which system.name comes."},
    {"networking.primaryIPAddress", &type_text, "\"\"",
     .help = "The guest's address in its own /etc/hosts. No effect on run-vm."},
    {"system.name", &type_text, .compute = builtin_name,
     .shown = "networking.hostName, or \"unnamed\" where that is empty",
     .help = "The name of the machine; the disk image is named after it."},
    {"system.build.toplevel", &type_null_or_path, "null",
     .help = "The system: kernel, initrd, init, kernel-params, kernel-modules. Without it "
             "--kernel, --modules-dir and --init name what is needed."},
    {"system.build.regInfo", &type_null_or_path, "null",
     .help = "A directory with registration and store-paths for additionalPaths. Without it they "
             "come from the host's Nix database."},
    {"system.build.storeClosure", &type_null_or_path, "null",
     .help = "A directory whose store-paths go into the store image. Without it the closure of "
             "additionalPaths does."},
    {"system.build.storeImage", &type_null_or_path, "null",
     .help = "A directory with nixos.qcow2, the base of a writable store image. Without it an "
             "erofs image under the overlay takes its place."},
    {"system.build.bootDisk", &type_null_or_path, "null",
     .help = "A directory with disk.img and, for EFI, efi-vars.fd. Without it the boot disk is "
             "built in a throwaway virtual machine."},
    {"nixpkgs.hostPlatform", &type_platform, .compute = builtin_platform, .decode = decode_platform,
     .shown = "the machine run-vm runs on", .help = "The guest's system, such as \"x86_64-linux\""},
    {"boot.kernelParams", &type_kernel_parameters, "[]",
     .help = "Kernel parameters where there is no toplevel whose kernel-params has them."},
    {"boot.tmpOnTmpfs", &type_bool, "false", .help = "Mount a tmpfs on /tmp."},
    {"boot.tmpOnTmpfsSize", &type_tmpfs_size, "\"50%\"", .help = "Its size."},
    {"nix.enable", &type_bool, "true",
     .help = "Whether the guest has Nix: without it nothing is registered in its database."},
    {"runVm.initrd", &type_initrd, "\"builtin\"",
     .help = "\"builtin\": our initrd, made from the kernel's modules. \"system\": the system's "
             "own, as it is."},
    {"runVm.kernel", &type_kernel, "\"auto\"",
     .help = "\"auto\": a compressed kernel for x86_64 is unpacked once on the host and started "
             "through PVH, which skips its decompression and the randomisation of its address; not "
             "with EFI, bios, or the system's own initrd. \"bzImage\": it is started as it is."},
    {"runVm.kernelSelfTests", &type_bool, "false",
     .help = "Let the kernel test its cryptography whenever it starts, as Debian's kernels do: "
             "with the builtin initrd it is told not to (cryptomgr.notests=1), which saves a third "
             "of its start. A parameter of the user's own, or fips=1, has precedence."},
    {"runVm.cacheSize", &type_null_or_size, "null", .decode = decode_cache_size,
     .shown = "4G, or a tenth of the cache's file system where that is less",
     .help = "How much the cache may take, in MiB or with K, M, G or T. When something is added, "
             "what was not used for longest goes, but nothing that is in use."},
    {"runVm.transport", &type_transport, "\"9p\"",
     .help = "How shared directories reach the guest: \"9p\", which QEMU serves itself, or "
             "\"virtiofs\", which takes a virtiofsd for each and is faster."},
    {"runVm.shares", &type_shares_settings, "{}",
     .help = "What virtualisation.sharedDirectories has no words for, by the shares' tags."},
    {"runVm.sandbox", &type_bool, "true",
     .help =
         "Let QEMU ask of the host's kernel only what this machine needs (-sandbox). It is left "
         "out, with a warning, where the user's options for the network have QEMU start a "
         "program (bridge helper, tap scripts, smb=, guestfwd=...-cmd:), which could get no "
         "privileges in it. For a QEMU that was built without seccomp: false."},
    {"runVm.stripModules", &type_bool, "false",
     .help =
         "Strip signed modules too of what they do not need to run, as those without a "
         "signature always are: of symbols, and of what lets their functions be traced (ftrace, "
         "BTF). The signature goes with it: the kernel says that it is tainted, "
         "and one that insists on signatures loads none of them."},
    {"runVm.store", &type_prefix, "\"\"",
     .help = "Host directory that holds the Nix store of the guest's system, as nix-store --store "
             "makes it: the guest's /nix/store/X is this directory's nix/store/X"},

    {V "memorySize", &type_memory, "1024", .help = "The guest's memory in MiB."},
    {V "cores", &type_cores, "1", .help = "The number of its processors."},
    {V "msize", &type_msize, "16384",
     .help =
         "Largest message of 9p file systems, in bytes. Where it is not set, the builtin initrd's "
         "store and root have 131072."},
    {V "diskSize", &type_null_or_disk_size, "1024",
     .help = "The size of the disk image in MiB, when it has to be made."},
    {V "diskImage", &type_null_or_text, .compute = builtin_disk_image,
     .shown = "\"./${config.system.name}.qcow2\"; null with --root-dir",
     .help = "The image of the root disk, made when it does not exist. null: the root is a tmpfs "
             "and nothing is kept. Variables in it are expanded; NIX_DISK_IMAGE replaces it."},
    {V "persistBootDevice", &type_bool, "false",
     .help = "Keep the boot disk in the temporary directory instead of making it anew."},
    {V "emptyDiskImages", &type_empty_disks, "[]", .decode = decode_empty_disks,
     .help = "Sizes in MiB of more disks, empty when they are made."},
    {V "graphics", &type_bool, "true",
     .help = "A window. Otherwise -nographic, and the serial console is the preferred one."},
    {V "resolution", &type_resolution, "{\"x\": 1024, \"y\": 768}",
     .help = "The display's size; when it is set and graphics is true, also its preferred mode "
             "(EDID)."},
    {V "useNixStoreImage", &type_bool, "false",
     .help = "Give the guest its store as a disk image instead of a share."},
    {V "useBootLoader", &type_bool, "false",
     .help = "Boot through the boot loader on a boot disk instead of giving QEMU the kernel."},
    {V "useEFIBoot", &type_bool, "false", .help = "Give the guest EFI firmware."},
    {V "efi.firmware", &type_path, .compute = builtin_efi_firmware,
     .shown = "that of Debian's ovmf or qemu-efi-aarch64", .help = "The EFI firmware's code."},
    {V "efi.variables", &type_path, .compute = builtin_efi_variables,
     .shown = "those of Debian's ovmf or qemu-efi-aarch64",
     .help = "The EFI firmware's variables as they are at first."},
    {V "efiVars", &type_text, .compute = builtin_efi_vars,
     .shown = "\"./${config.system.name}-efi-vars.fd\"",
     .help = "The file of the guest's EFI variables, made when it does not exist. Variables in it "
             "are expanded; NIX_EFI_VARS replaces it."},
    {V "useDefaultFilesystems", &type_bool, "true",
     .help = "Format the root disk when it is blank and mount it on /."},
    {V "bios", &type_null_or_path, "null",
     .help = "A directory with bios.bin, to be used in place of QEMU's BIOS."},
    {V "restrictNetwork", &type_bool, "false",
     .help = "Let nothing of the guest out, but for what forwardPorts lets through. QEMU then "
             "drops answers by UDP too. A network of the user's own options is not restricted."},
    {V "vlans", &type_networks, "[1]", .decode = decode_vlans,
     .help = "Virtual networks: for each number N, a card on the VDE switch that "
             "QEMU_VDE_SOCKET_N names, if it is set."},
    {V "test.nodeNumber", &type_node, "1",
     .help = "The last byte of the cards' addresses on the virtual networks."},
    {V "writableStore", &type_bool, "true", .help = "Lay a writable overlay over the Nix store."},
    {V "writableStoreUseTmpfs", &type_bool, "true",
     .help = "Keep the overlay in memory instead of on the root."},
    {V "host.pkgs", &type_anything, "null", .help = "No effect on run-vm."},
    {V "qemu.package", &type_null_or_path, "null", .shown = "the programs on PATH",
     .help = "A directory whose bin/ has QEMU and qemu-img."},
    {V "qemu.diskInterface", &type_interface, "\"virtio\"", .decode = decode_disk_interface,
     .help = "What drives are attached to."},
    {V "qemu.guestAgent.enable", &type_bool, "true",
     .help = "Where it is set to true: a channel for the guest agent, with its socket qga.sock in "
             "the temporary directory."},
    {V "qemu.virtioKeyboard", &type_bool, "true", .help = "A virtio keyboard."},
    {V "qemu.consoles", &type_texts, .compute = builtin_consoles,
     .shown = "the serial console and tty0, the preferred one last",
     .help = "Values of console= on the kernel command line; the last is the preferred one."},
    {V "pathsInNixDB", &type_paths, .alias_of = V "additionalPaths",
     .help = "The old name of additionalPaths."},
    {V "additionalPaths", &type_paths, "[]", .define = builtin_additional_paths,
     .help = "Store paths whose closure the guest shall have. The system is one of them."},
    {V "forwardPorts", &type_port_forwards, "[]", .decode = decode_forward_ports,
     .help = "Ports of the guest to be reached from the host, or the other way round."},
    {V "sharedDirectories", &type_shares, "{}", .define = builtin_shares, .decode = decode_shares,
     .help = "Directories that the guest shares with the host, by tag. nix-store, xchg and shared "
             "are built in."},
    {V "qemu.networkingOptions", &type_texts, "[]", .define = builtin_networking,
     .decode = decode_networking_options,
     .help =
         "QEMU's options for the network. They are expanded and split on white space. A network "
         "of the id user.0, and a card on it, replace the built-in ones. Where no option is left "
         "that says anything of a network, the machine has no card (-nic none)."},
    {V "qemu.options", &type_texts, "[]", .define = builtin_qemu_options,
     .decode = decode_qemu_options,
     .help = "More options for QEMU. They are expanded and split on white space. Whatever the user "
             "says to QEMU, here, in QEMU_OPTS or behind --, has precedence: an accelerator, "
             "-machine TYPE, -cpu, -m, -smp, -sandbox and -vga replace run-vm's own."},
    {V "qemu.drives", &type_drives, "[]", .define = builtin_drives, .decode = decode_drives,
     .help = "The disks, in order."},
    {V "bootDevice", &type_path, .define = builtin_boot_device, .shown = "the first drive",
     .help = "The device of the root file system."},
    {V "fileSystems", &type_file_systems, "{}", .define = builtin_filesystems,
     .decode = decode_filesystems, .help = "The guest's file systems by mount point."},
    {"boot.initrd.kernelModules", &type_texts, "[]", .define = builtin_kernel_modules,
     .help = "Modules that the initrd loads."},
    {"boot.initrd.availableKernelModules", &type_texts, "[]", .define = builtin_available_modules,
     .help = "Modules that the initrd has, to be loaded when a device calls for them."},
};
const size_t schema_option_count = ELEMENTS(schema_options);
