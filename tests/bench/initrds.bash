# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what measure_begin sets
# Sourced by bench-boot: the peers' initrds.

# Prints the files of modules and their dependencies, in the order of loading.
with_dependencies() {
    local name
    for name in "$@"; do
        modprobe -d "${modules%/lib/modules/*}" -S "$version" --show-depends "$name" 2>/dev/null || true
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'
}

pack() { # DIRECTORY FILE
    (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) >"$2"
}

# floor_initrd FILE MODULE-FILE...: packs the C floor with these modules, in this order.
floor_initrd() {
    local tree file=$1 module
    tree=$(mktemp -d "$work/initrd.XXXXXX")
    shift
    mkdir -p "$tree"/{dev,proc,sys,run,modules.d}
    cp "$work/floor" "$tree/init"
    if [ $# -gt 0 ]; then
        cp "$@" "$tree/modules.d/"
        printf '/modules.d/%s\n' "${@##*/}" >"$tree/modules"
    else
        cp "$work/mark" "$tree/mark"
    fi
    pack "$tree" "$file"
    rm -r "$tree"
}

# The modules of a NixOS initrd for QEMU: the default ones and those of the profile for guests.
shell_modules=(ahci ata_piix sata_nv sata_via sata_sis sata_uli sata_sil pata_marvell nvme sd_mod sr_mod
    mmc_block uhci_hcd ehci_hcd ehci_pci ohci_hcd ohci_pci xhci_hcd xhci_pci usbhid hid_generic
    hid_lenovo hid_apple hid_roccat hid_logitech_hidpp hid_logitech_dj hid_microsoft hid_cherry
    hid_corsair atkbd i8042 rtc_cmos ext4 crc32c virtio_net virtio_pci virtio_mmio virtio_blk
    virtio_scsi 9p 9pnet_virtio virtio_balloon virtio_console virtio_rng dm_mod overlay)

# shell_initrd FILE STRIP: packs the shell stage 1; STRIP is "yes" for unsigned modules, as in NixOS.
shell_initrd() {
    local tree file=$1 program library module rule
    local programs=(/bin/udevadm /sbin/modprobe /sbin/blkid /sbin/mke2fs /sbin/fsck /sbin/e2fsck)
    tree=$(mktemp -d "$work/initrd.XXXXXX")
    mkdir -p "$tree"/{bin,lib/udev/rules.d,lib64,etc/udev,dev,proc,sys,run}
    for program in $(busybox --list); do
        ln -s busybox "$tree/bin/$program"
    done
    rm -f "$tree/bin/busybox"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    for program in "${programs[@]}" /lib/udev/{ata_id,scsi_id,cdrom_id}; do
        rm -f "$tree/bin/${program##*/}"
        cp -L "$program" "$tree/bin/${program##*/}"
        ldd "$program" | sed -n 's/^[[:space:]].*=> \(\/[^ ]*\) .*/\1/p'
    done | sort -u | while read -r library; do
        cp -L "$library" "$tree/lib/"
    done
    cp -L /lib64/ld-linux-x86-64.so.2 "$tree/lib64/"
    ln -s udevadm "$tree/bin/systemd-udevd"
    ln -s e2fsck "$tree/bin/fsck.ext4"
    ln -s bin "$tree/sbin"
    mv "$tree"/bin/{ata_id,scsi_id,cdrom_id} "$tree/lib/udev/"
    for rule in 60-cdrom_id 60-persistent-storage 75-net-description 80-drivers; do
        cp "/lib/udev/rules.d/$rule.rules" "$tree/lib/udev/rules.d/"
    done
    with_dependencies "${shell_modules[@]}" | while read -r module; do
        install -D -m 644 "$module" "$tree/lib/modules/$version/${module#"$modules"/}"
    done
    if [ "$2" = yes ]; then
        # removes only the signature: the result is what an unsigned build gives
        find "$tree/lib/modules" -name '*.ko' -exec strip -g {} +
    fi
    cp "$modules"/modules.{order,builtin,builtin.modinfo} "$tree/lib/modules/$version"
    depmod -b "$tree" "$version"
    install -m 755 "$here/stage-1.sh" "$tree/init"
    cat >"$tree/mounts" <<'MOUNTS'
/dev/vda / ext4 defaults
nix-store /nix/.ro-store 9p trans=virtio,version=9p2000.L,msize=16384,cache=loose
tmpfs /nix/.rw-store tmpfs mode=0755
shared /tmp/shared 9p trans=virtio,version=9p2000.L,msize=16384
xchg /tmp/xchg 9p trans=virtio,version=9p2000.L,msize=16384
overlay /nix/store overlay lowerdir=/mnt-root/nix/.ro-store,upperdir=/mnt-root/nix/.rw-store/store,workdir=/mnt-root/nix/.rw-store/work
MOUNTS
    pack "$tree" "$file.cpio"
    zstd -q -f -10 "$file.cpio" -o "$file"
    rm -rf "$tree"
}
