/* SPDX-License-Identifier: MIT */
#include "host/config/schema.h"

#include "base/cleanup.h"
#include "host/config/bootdrive.h"
#include "host/config/builtin.h"
#include "host/config/credentialoptions.h"
#include "host/config/decode.h"
#include "host/config/firmware.h"
#include "host/config/fsbuiltin.h"
#include "host/config/netinterface.h"
#include "host/config/schematypes.h"

#define V "virtualisation."

const struct option schema_options[] = {
    {"runVm.release", &type_release, "\"22.11\"", .decode = decode_release,
     .help = "The release of NixOS whose defaults of virtualisation apply; RELEASES tells them "
             "apart."},
    {V "test.nodeName", &type_null_or_text, "null",
     .help = "The name of this node of a test: the default of networking.hostName."},
    {"networking.hostName", &type_host_name, .compute = builtin_host_name,
     .shown = "virtualisation.test.nodeName, or \"nixos\"",
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
    {"boot.tmpOnTmpfs", &type_bool, .alias_of = "boot.tmp.useTmpfs", .silent = true,
     .help = "The old name of boot.tmp.useTmpfs."},
    {"boot.tmpOnTmpfsSize", &type_tmpfs_size, .alias_of = "boot.tmp.tmpfsSize", .silent = true,
     .help = "The old name of boot.tmp.tmpfsSize."},
    {"boot.tmp.useTmpfs", &type_bool, "false", .help = "Mount a tmpfs on /tmp."},
    {"boot.tmp.tmpfsSize", &type_tmpfs_size, "\"50%\"", .help = "The size of that tmpfs."},
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
    {"runVm.virtiofsd", &type_null_or_program, "null",
     .shown = "the first of virtiofsd on PATH and in the directories of Debian, Fedora and Arch",
     .help = "The server of shares on virtiofs: an absolute path, or a name on PATH. QEMU 7's own, "
             "as in Debian 12, serves root only."},
    {"runVm.transport", &type_transport, .compute = builtin_transport,
     .shown = "\"9p\"; from the release 26.11 on \"virtiofs\", if there is a virtiofsd that serves "
              "the user who starts run-vm, and runVm.warmStart is false",
     .help = "The protocol of shared directories: \"9p\", served by QEMU itself, or \"virtiofs\", "
             "which is faster and needs one virtiofsd for each share. The system's own initrd "
             "mounts them as its release does: by 9p before 26.11, by virtiofs since."},
    {"runVm.storeTransport", &type_null_or_store_transport, "null", .shown = "runVm.transport",
     .help =
         "The protocol of the share of the host's store. \"auto\": an image of the closure in "
         "place of the share (useNixStoreImage), the fastest way to read, which shows nothing that "
         "the host builds later. Without system.build.storeClosure, or with mountHostNixStore set: "
         "virtiofs if there is a virtiofsd that serves the user who starts run-vm, else 9p. With "
         "runVm.warmStart: 9p. --dry-run says which, and why. With the system's own initrd it is "
         "that of the release."},
    {"runVm.storeImage", &type_null_or_store_image, "null",
     .shown = "\"pack\"; \"file\" with the system's own initrd",
     .help =
         "How virtualisation.useNixStoreImage makes the image. \"pack\": of a file in the cache "
         "that has each store path once, so that a start costs only the paths that are new; "
         "the image is in the format qcow2. \"file\": by mkfs.erofs, whenever a path of the "
         "closure changes, a raw image of which the same closure gives the same bytes."},
    {"runVm.shares", &type_shares_settings, "{}",
     .help = "Settings of shares beyond virtualisation.sharedDirectories, by tag."},
    {"runVm.sandbox", &type_bool, "true",
     .help =
         "Limit QEMU to the system calls that this machine needs (-sandbox). The sandbox is left "
         "out, with a warning, if the user's network options have QEMU start a program (bridge "
         "helper, tap scripts, smb=, guestfwd=...-cmd:), which could not gain privileges in it. "
         "Set this to false for a QEMU that is built without seccomp."},
    {"runVm.guestNetwork", &type_bool, "false",
     .shown = "false; with --exec, and for a tree without a network manager, true",
     .help = "Have init set the host name (networking.hostName, if the root has no "
             "/etc/hostname) and configure the first card on QEMU's user network: address, route "
             "and name server, as QEMU's DHCP would. Not with runVm.initrd = \"system\"."},
    {"runVm.onTerm", &type_null_or_term_action, "null",
     .shown = "\"quit\" for a program called run-NAME-vm, else \"poweroff\"",
     .help = "The effect of the first SIGTERM (or SIGINT, SIGHUP ...): \"poweroff\", the guest "
             "powers down and has a minute for it; \"quit\", QEMU quits at once, as in a power "
             "failure. --on-term takes precedence."},
    {"runVm.stripModules", &type_bool, "false",
     .help =
         "Also strip signed modules (unsigned ones always are) of symbols, BTF and ftrace data. "
         "This "
         "removes the signature: the kernel is tainted, and one that enforces signatures refuses "
         "the modules."},
    {"runVm.agent", &type_bool, "false", .shown = "true in a start with --root-dir alone",
     .help = "Leave a process of run-vm's init in the guest, beside the system, which runs the "
             "commands of run-vm exec. It has 8 virtio ports, one for each command at a time."},
    {"runVm.ssh", &type_bool, "false",
     .help = "Let run-vm ssh enter the guest by its own sshd: a free port of the host, at "
             "127.0.0.1, leads to the guest's port 22, unless forwardPorts has one that does, and "
             "the guest's systemd (252 or later) is given run-vm's public key for root, as the "
             "credential ssh.authorized_keys.root."},
    {"runVm.warmStart", &type_bool, "false",
     .help = "Start the machine of --exec from a snapshot, which is made at the first start and "
             "kept in the cache: kernel and modules are there, and nothing is mounted. Where that "
             "cannot be, a line says why, and the machine boots. Two machines from one snapshot "
             "differ in their random numbers, boot ID and hardware address."},
    {"runVm.store", &type_prefix, "\"\"",
     .help = "The host directory with the Nix store of the guest's system, as nix-store --store "
             "makes it: the guest's /nix/store/X is nix/store/X in this directory. \"\": the "
             "host's own store."},

    {V "memorySize", &type_memory, "1024",
     .help = "The guest's memory in MiB, or with K, M, G or T."},
    {V "cores", &type_cores, "1", .help = "The number of the guest's processors."},
    {V "msize", &type_msize, "16384",
     .help = "The largest 9p message, in bytes, or with K or M. If it is not set, the builtin "
             "initrd mounts the store "
             "and the root with 131072."},
    {V "diskSize", &type_null_or_disk_size, "1024",
     .help = "The size of the disk image when it is created, in MiB, or with K, M, G or T. null "
             "and \"auto\", which is "
             "for images that contain a system, are errors unless the image exists."},
    {V "diskSizeAutoSupported", &type_bool, "false",
     .help = "Of other image builders. No effect on run-vm."},
    {V "diskImage", &type_null_or_text, .compute = builtin_disk_image,
     .shown = "\"./${config.system.name}.qcow2\"; null with --root-dir",
     .help = "The image of the root disk, created if it does not exist. null: the root is a tmpfs, "
             "whose content is lost. Variables are expanded; NIX_DISK_IMAGE takes precedence."},
    {"runVm.diskImageWrites", &type_writes, "\"keep\"",
     .help =
         "The fate of what the guest writes to its root disk. \"keep\": it is in the disk image. "
         "\"discard\": it is in a temporary file of QEMU's, and lost at the end; if there is no "
         "image, a temporary one is made. \"refuse\": the guest's drive is read-only, and its root "
         "the lower layer of an overlay on a tmpfs, which needs the builtin initrd. Except with "
         "\"keep\", any number of machines can use the image at a time. No other disk, share, EFI "
         "variable or TPM is concerned."},
    {"runVm.growDiskImage", &type_null_or_size_of_disk, "null",
     .help =
         "The size to which the disk image grows before the start if it is smaller, and with it "
         "the ext4 on the root that useDefaultFilesystems mounts, in MiB, or with K, M, G or T. A "
         "new image has this size. A larger image is an error: none shrinks."},
    {V "persistBootDevice", &type_bool, "false",
     .help = "Keep the boot disk in the temporary directory instead of making a new one."},
    {V "emptyDiskImages", &type_empty_disks, "[]", .decode = decode_empty_disks,
     .help = "Sizes of additional disks, in MiB, or with K, M, G or T. They are created empty."},
    {V "graphics", &type_bool, "true",
     .help = "Open a window. false: -nographic, and the serial console is the preferred one."},
    {"runVm.vnc", &type_bool, "false",
     .help = "Serve the display by VNC instead of opening a window: on a socket in the temporary "
             "directory, whose path is printed at the start."},
    {V "resolution", &type_resolution, "{\"x\": 1024, \"y\": 768}", .decode = decode_resolution,
     .help = "The size of the display in pixels. If it is set and graphics is true, also the "
             "display's preferred mode (EDID)."},
    {V "useBootLoader", &type_bool, "false",
     .help = "Boot through the boot loader on a boot disk instead of giving QEMU the kernel."},
    {V "directBoot.enable", &type_bool, .compute = builtin_direct_boot,
     .shown = "true unless useBootLoader",
     .help = "Give QEMU the kernel. false without useBootLoader: the firmware boots what is on the "
             "disks, such as an existing disk image with a boot loader of its own."},
    {V "directBoot.initrd", &type_null_or_path, "null",
     .help =
         "An initrd to boot with, unchanged, instead of the one that runVm.initrd chooses. Like "
         "the system's own it gets no parameters of run-vm's init."},
    {V "useNixStoreImage", &type_bool, .compute = builtin_store_image,
     .shown = "false, unless runVm.storeTransport chooses an image",
     .help = "Give the guest its store as a disk image instead of a share."},
    {V "mountHostNixStore", &type_bool, .compute = builtin_mount_host_store,
     .shown = "true unless useNixStoreImage",
     .help =
         "Share the host's Nix store with the guest, read-only. false without useNixStoreImage: "
         "the store is on the guest's disks."},
    {V "nixStore9pCache", &type_store_cache, "\"loose\"",
     .help = "How the guest caches the host's store over 9p, as the mount option cache= has it."},
    {V "useBIOSBoot", &type_bool, "false",
     .help =
         "Have the guest's system mount /boot of the boot disk on a machine with a BIOS, by the "
         "label BOOT. The disk has that partition, and one for GRUB, in any case."},
    {V "useEFIBoot", &type_bool, "false", .help = "Give the guest EFI firmware."},
    {V "useSecureBoot", &type_bool, "false",
     .help = "Give the guest EFI firmware that can enforce signatures (Secure Boot). It starts in "
             "setup mode, as NixOS's: it has no keys, and enforces nothing until the guest has "
             "enrolled some. With \"/usr/share/OVMF/OVMF_VARS_4M.ms.fd\" as efi.variables it has "
             "Microsoft's, and starts only what they have signed, such as Debian's shim."},
    {V "efi.OVMF", &type_null_or_firmware, "null",
     .help = "A package of EFI firmware, with FV/OVMF_CODE.fd and FV/OVMF_VARS.fd (for ARM "
             "AAVMF_*, for RISC-V RISCV_VIRT_*), or its files. A path does not tell that the "
             "firmware needs system management mode: set useSecureBoot, or name its files. null: "
             "Debian's ovmf or qemu-efi-aarch64."},
    {V "efi.firmware", &type_path, .compute = firmware_default_code, .shown = "that of efi.OVMF",
     .help = "The EFI firmware's code."},
    {V "efi.variables", &type_path, .compute = firmware_default_variables,
     .shown = "that of efi.OVMF", .help = "The template of the EFI variables."},
    {V "efi.keepVariables", &type_bool, .compute = firmware_default_keep, .shown = "useBootLoader",
     .help = "Begin with the EFI variables that the installation of the boot loader has left. "
             "false: with those of efi.variables, so that the firmware finds the boot loader by "
             "its usual name. A file of variables that exists is used unchanged."},
    {V "efiVars", &type_text, .compute = builtin_efi_vars,
     .shown = "\"./${config.system.name}-efi-vars.fd\"; with --root-dir and no disk image one in "
              "the temporary directory",
     .help = "The file of the guest's EFI variables, created if it does not exist. Variables are "
             "expanded; NIX_EFI_VARS takes precedence."},
    {V "useDefaultFilesystems", &type_bool, "true",
     .help = "Format the root disk if it is blank and mount it on /."},
    {V "installBootLoader", &type_bool, .compute = bootdrive_default_install,
     .shown = "useBootLoader, since the release 23.11 also useDefaultFilesystems",
     .help = "Let the system install its boot loader on the boot disk, in a temporary virtual "
             "machine. false: /boot is empty, and the firmware boots the root disk, if it can."},
    {V "bios", &type_null_or_path, "null",
     .help = "A directory with bios.bin, which replaces QEMU's BIOS."},
    {V "useHostCerts", &type_bool, "false",
     .help = "Give the guest the host's CA certificates: a copy of the file that NIX_SSL_CERT_FILE "
             "names is /etc/ssl/certs/ca-certificates.crt in the guest, on a read-only share."},
    {V "restrictNetwork", &type_bool, "false",
     .help = "Cut the guest off from the network, except for forwardPorts. QEMU then drops UDP "
             "replies too. Networks of the user's own options are not restricted."},
    {V "interfaces", &netinterface_type, "{}",
     .help = "Network cards besides those of vlans, by the name that the guest gives them."},
    {V "vlans", &type_networks, .compute = netinterface_vlans,
     .shown = "[1], or [] if interfaces is set",
     .help = "Virtual networks: for each number N, a network card (eth1, eth2 ...) on the VDE "
             "switch that QEMU_VDE_SOCKET_N names, if that variable is set."},
    {V "allInterfaces", &netinterface_type, .compute = netinterface_all,
     .decode = netinterface_decode, .shown = "those of vlans and of interfaces",
     .help = "All cards on virtual networks. They are added in the order of their names, with the "
             "ids vlan1, vlan2 ..., except for a network or card with such an id among the user's "
             "options for QEMU. A card has the address 52:54:00:12:VLAN:NODE, where NODE is "
             "test.nodeNumber. The interface of a card of the user's gets its name if the option "
             "has mac=."},
    {V "test.nodeNumber", &type_node, "1",
     .help = "The last byte of the network cards' addresses on the virtual networks."},
    {V "writableStore", &type_bool, .compute = builtin_writable_store,
     .shown = "true; from the release 23.05 on the value of mountHostNixStore",
     .help = "Mount a writable overlay on the Nix store."},
    {V "writableStoreUseTmpfs", &type_bool, "true",
     .help = "Keep the overlay's writes in memory instead of on the root."},
    {V "host.pkgs", &type_anything, "null", .help = "No effect on run-vm."},
    {V "qemu.package", &type_null_or_path, "null", .shown = "the programs on PATH",
     .help = "A directory with QEMU and qemu-img in its bin/."},
    {V "qemu.forceAccel", &type_bool, "false",
     .help = "Use KVM, and refuse to start where it cannot be had. --accel takes precedence."},
    {V "qemu.enableSharedMemory", &type_bool, "false",
     .help = "Give the guest memory that other processes can map, as servers of vhost-user devices "
             "do. Shares on virtiofs have it anyway."},
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
     .help = "Directories that the guest shares with the host, by tag. nix-store, xchg, shared "
             "and, with useHostCerts, certs are built in."},
    {V "credentials", &type_credentials, "{}", .decode = credentialoptions_decode, .secret = true,
     .help = "Secrets for the guest's systemd, by name (systemd-creds --system list). run-vm "
             "hands them to QEMU in memory: they are in no argument and no file."},
    {V "tpm.enable", &type_bool, "false",
     .help = "Give the guest a TPM 2.0, which swtpm emulates."},
    {V "tpm.package", &type_null_or_nonempty, "null", .shown = "swtpm on PATH",
     .help = "A directory with bin/swtpm, or the program itself."},
    {V "tpm.deviceModel", &type_nonempty, .compute = builtin_tpm_model,
     .shown = "tpm-tis for x86, tpm-tis-device for Arm, tpm-spapr for ppc64",
     .help = "QEMU's device, such as \"tpm-crb\"."},
    {V "tpm.provisioning", &type_null_or_nonempty, "null",
     .help = "A program that is run on the host, before the guest's first start, to provision the "
             "new TPM. TPM2TOOLS_TCTI and TCTI tell it where the TPM is. If it fails, there is no "
             "TPM yet: the next start runs it again."},
    {"runVm.tpmState", &type_text, .compute = builtin_tpm_state,
     .shown = "\"./${config.system.name}-swtpm\"; with --root-dir and no disk image one in the "
              "temporary directory",
     .help = "The directory of the TPM's state, made if it does not exist. Variables are expanded; "
             "NIX_SWTPM_DIR takes precedence."},
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
    {V "bootLoaderDevice", &type_path, .compute = bootdrive_default_device,
     .shown = "/dev/disk/by-id/virtio-root, or the second drive before the release 23.11",
     .help = "The boot disk, as the system's boot loader for a BIOS names it "
             "(boot.loader.grub.device). If that is /dev/disk/by-id/virtio-SERIAL, the disk has "
             "the serial number, and the root disk does not."},
    {V "qemu.drives", &type_drives, "[]", .define = builtin_drives, .decode = decode_drives,
     .help = "The drives, in order."},
    {V "bootDevice", &type_null_or_path, .alias_of = V "rootDevice", .silent = true,
     .help = "The old name of rootDevice."},
    {V "rootDevice", &type_null_or_path, .define = builtin_root_device,
     .shown = "/dev/disk/by-label/nixos, or the first drive before the release 23.11",
     .help = "The device of the root filesystem. If it is named by a label "
             "(/dev/disk/by-label/NAME), a blank disk image is formatted with that label, but not "
             "with runVm.initrd = \"system\" before the release 23.11."},
    {V "bootPartition", &type_null_or_boot_partition, .compute = builtin_boot_partition,
     .shown = "/dev/disk/by-label/ESP with useEFIBoot, /dev/disk/by-label/BOOT with useBIOSBoot, "
              "or null. Before the release 23.11: the second partition of the boot disk",
     .help = "The device that the guest's system mounts on /boot. If it is named by a label, "
             "/boot of the boot disk has that label. null: it is not mounted."},
    {V "fileSystems", &type_filesystems, "{}", .define = fsbuiltin_machine,
     .help = "The guest's filesystems by mount point. They take the place of those in fileSystems, "
             "unless they are replaced by an empty set."},
    {"fileSystems", &type_filesystems, "{}", .define = fsbuiltin_system,
     .decode = decode_filesystems,
     .help = "The filesystems of the configuration. They count if virtualisation.fileSystems is "
             "replaced by an empty set, {\"_type\": \"override\", \"priority\": 50, \"content\": "
             "{}}, or if they are defined with a priority of 10 or less (lib.mkVMOverride)."},
    {"boot.initrd.kernelModules", &type_texts, "[]", .define = builtin_kernel_modules,
     .help = "Kernel modules that the initrd loads."},
    {"boot.initrd.availableKernelModules", &type_texts, "[]", .define = builtin_available_modules,
     .help = "Kernel modules in the initrd, loaded when a device needs them."},
};
const size_t schema_option_count = ELEMENTS(schema_options);
