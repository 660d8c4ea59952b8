# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what measure_begin sets
# Sourced by bench-boot: Debian's own initrds, made by initramfs-tools.

# The packages that mkinitramfs needs in addition to those that debootstrap installs.
debian_packages=(initramfs-tools initramfs-tools-core klibc-utils libklibc cpio zstd busybox logsave libzstd1)

# debian_tree: makes $work/debian, a Debian with initramfs-tools. No package is configured: mkinitramfs
# needs only the files.
debian_tree() {
    local tree=$work/debian debian added name
    added=$("$here/../../scripts/fetch-package" --alone bookworm "${debian_packages[@]}")
    mkdir -p "$tree"
    debian=$("$here/../../scripts/debian-root")/root
    cp -a "$debian/." "$tree"
    for name in etc usr; do
        cp -a "$added/$name/." "$tree/$name"
    done
    rm -rf "$tree/usr/lib/modules/$version"
    mkdir -p "$tree/usr/lib/modules/$version"
    cp "${bzimage%/*}"/config-* "$tree/boot/"
}

# debian_initrd FILE MODULES [NAME...]: makes an initrd with that MODULES in initramfs.conf (most, list).
debian_initrd() {
    local tree=$work/debian file=$1 kind=$2
    shift 2
    sed -i "s/^MODULES=.*/MODULES=$kind/" "$tree/etc/initramfs-tools/initramfs.conf"
    printf '%s\n' "$@" >"$tree/etc/initramfs-tools/modules"
    # shellcheck disable=SC2016 # the inner shell's
    unshare --map-root-user --mount --pid --fork sh -c '
        mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
            mount --bind "$3" "$1/usr/lib/modules/$2" && exec chroot "$1" mkinitramfs -o /initrd.img "$2"
        ' sh "$tree" "$version" "$modules" >"$work/debian.log" 2>&1 || {
        cat "$work/debian.log" >&2
        return 1
    }
    mv "$tree/initrd.img" "$file"
}

# debian_disk FILE: makes an ext4 filesystem with stage 2, the only mount of these initrds.
debian_disk() {
    local tree=$work/debian-disk
    mkdir -p "$tree"/{proc,sys,dev,run,tmp}
    cp "$work/mark" "$tree/mark"
    truncate -s 1G "$1.raw"
    mke2fs -q -t ext4 -F -d "$tree" "$1.raw"
    qemu-img convert -O qcow2 "$1.raw" "$1"
    rm "$1.raw"
}

# debian NAME INITRD [MACHINE]: counts a boot of the initrd.
debian() {
    disk=$work/debian.qcow2 PARAMS="init=/mark root=/dev/vda rootflags=relatime" peer "$1" "BENCH_INITRD=$2" \
        "BENCH_MACHINE=${3:-q35}" "BENCH_KERNEL=$bzimage"
}

# debian_peers: prints rows without targets, because these boots mount only the root.
debian_peers() {
    local name
    debian_tree
    debian_initrd "$work/debian-most.img" most
    debian_initrd "$work/debian-list.img" list virtio_pci virtio_blk ext4
    debian_disk "$work/debian.qcow2"
    for name in list most; do
        debian "debian-$name" "$work/debian-$name.img" pc
        row "initramfs-tools (MODULES=$name), root mount only, pc: /init to stage 2" "$(figure "debian-$name" init)" -
        row "  kernel start to stage 2; initrd, bytes" "$(figure "debian-$name" kernel); $(figure "debian-$name" initrd)" -
    done
    rm -rf "$work/debian"
}
