# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Installs the boot loader as NixOS's script would, with only the devices and mounts that run-vm provides.
set -eu
export PATH=@system@/sw/bin
[ "$1" = boot ]
[ "$NIXOS_INSTALL_BOOTLOADER" = 1 ]
[ -e /etc/NIXOS ]
profile=$(readlink -f /nix/var/nix/profiles/system)
[ "$profile" = @system@ ]
[ "$(readlink /nix/var/nix/profiles/system)" = /nix/var/nix/profiles/system-1-link ]
[ "$(readlink /dev/block/254:2)" = /dev/vda2 ]
echo "installing the boot loader of $profile"
[ ! -e "$profile/broken" ] || { echo "this system is broken" >&2; exit 3; }

parameters="init=$profile/init $(cat "$profile/boot-params")"
cp "$profile/kernel" /boot/kernel
cp "$profile/initrd" /boot/initrd

if [ -d /sys/firmware/efi ]; then
    mkdir -p /boot/EFI/BOOT /boot/EFI/systemd /boot/loader/entries
    cp "$profile/systemd-boot.efi" /boot/EFI/systemd/systemd-bootx64.efi
    cp "$profile/systemd-boot.efi" /boot/EFI/BOOT/BOOTX64.EFI
    printf 'timeout 0\ndefault system.conf\n' >/boot/loader/loader.conf
    printf 'title system\nlinux /kernel\ninitrd /initrd\noptions %s\n' "$parameters" \
        >/boot/loader/entries/system.conf
    # Attributes (4 bytes: non-volatile, boot services, run time), then the value
    printf '\007\000\000\000installed' \
        >/sys/firmware/efi/efivars/RunVmInstalled-3a7b5d1c-52f0-4f0e-9d39-6d1f0c2f8a11
else
    grep -q '^(hd0) /dev/vda$' /boot/grub/device.map
    # the name in NixOS's configuration: by the serial number since the release 23.11
    disk=/dev/disk/by-id/virtio-root
    [ -e "$disk" ] || disk=/dev/vdb
    grub-install --target=i386-pc --directory="$profile/grub/i386-pc" --boot-directory=/boot \
        --locale-directory=/nowhere --modules="part_gpt fat serial" "$disk"
    cat >/boot/grub/grub.cfg <<END
serial --unit=0
terminal_output serial
set timeout=0
menuentry system {
    linux /kernel $parameters
    initrd /initrd
}
END
fi
