#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Modules of several kernels, for several disks, raw and compressed, wanted and unwanted.

load guest

setup_file() {
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
echo "modules $(cut -d ' ' -f 1 /proc/modules | sort | tr '\n' ' ')"
grep -e ' / ' -e ' /mnt/' /proc/mounts
for parameter in /sys/module/loop/parameters/max_loop /sys/module/null_blk/parameters/nr_devices; do
    echo "$parameter $(cat $parameter 2>&1)"
done
END
    truncate -s 64M "$BATS_FILE_TMPDIR/disk"
    mke2fs -q -t ext4 -d "$BATS_FILE_TMPDIR/tree" -L root "$BATS_FILE_TMPDIR/disk"
}

setup() {
    export INITRD=$BATS_TEST_TMPDIR/initrd
    kernel
}

# The controllers: name, modules, the name of a disk on it, QEMU's arguments for that disk.
controllers=(
    "virtio virtio_blk vd virtio-blk-pci,drive=virtio"
    "scsi sym53c8xx,sd_mod sd lsi53c895a,id=lsi scsi-hd,drive=scsi,bus=lsi.0"
    "ide ahci,sd_mod sd ide-hd,drive=ide,bus=ide.0"
    "virtio-scsi virtio_scsi,sd_mod sd virtio-scsi-pci,id=vscsi scsi-hd,drive=virtio-scsi,bus=vscsi.0"
    "nvme nvme nvme nvme,drive=nvme,serial=1"
)

# on_controllers NAME...: boots with a disk on each of these controllers. The first is the root; the others
# are mounted, which needs their modules just the same, and takes one boot for all.
on_controllers() {
    local line fields name place device modules=() arguments=() parameters="root=LABEL=$1" mounts=() wanted=" $* "
    for line in "${controllers[@]}"; do
        read -ra fields <<<"$line"
        name=${fields[0]} place=/
        [[ $wanted = *" $name "* ]] || continue
        IFS=, read -ra device <<<"${fields[1]}"
        modules+=("${device[@]}")
        mke2fs -q -t ext4 -d "$BATS_FILE_TMPDIR/tree" -L "$name" "$BATS_TEST_TMPDIR/$name" 64M
        arguments+=(-drive "file=$BATS_TEST_TMPDIR/$name,format=raw,if=none,id=$name")
        for device in "${fields[@]:3}"; do
            arguments+=(-device "$device")
        done
        [ "$name" = "$1" ] || place=/mnt/$name parameters+=" vm.mount=LABEL=$name:/mnt/$name:ext4"
        mounts+=("^/dev/${fields[2]}[^ ]* $place ext4 rw")
    done
    initrd "$INITRD" virtio_pci ext4 "${modules[@]}"
    qemu "$VERSION" "$parameters" "${arguments[@]}"
    reached "$VERSION"
    for line in "${mounts[@]}"; do
        told "$VERSION" "$line"
    done
}

@test "Debian 12's kernel (raw modules) with each kind of disk" {
    on_controllers virtio scsi ide virtio-scsi nvme
}

@test "Debian 13's kernel (modules in xz) with each kind of disk" {
    kernel trixie
    on_controllers nvme virtio scsi ide virtio-scsi
}

@test "Debian's cloud kernel with the kinds of disk that it has" {
    kernel bookworm linux-image-cloud-amd64
    on_controllers virtio-scsi virtio nvme
}

@test "modules compressed with gzip, xz and zstd" {
    local program
    for program in gzip xz zstd; do
        COMPRESS=$program initrd "$INITRD" virtio_pci virtio_blk ext4
        # shellcheck disable=SC2046
        qemu "$program" "root=/dev/vda" $(disk "$BATS_FILE_TMPDIR/disk")
        reached "$program"
        told "$program" '^modules .*ext4.*virtio_blk'
    done
}

@test "what hashes fastest is loaded first, to check the signatures of all other modules" {
    initrd "$INITRD" virtio_pci virtio_blk ext4 sha256_ssse3
    # shellcheck disable=SC2046
    qemu hash "root=/dev/vda boot.trace" $(disk "$BATS_FILE_TMPDIR/disk")
    reached hash
    [[ $(grep -a -m 1 'run-vm: module ' "$BATS_FILE_TMPDIR/hash.console") == *"module sha256_ssse3"* ]]
}

@test "modules of another kernel are an error in those words" {
    initrd "$INITRD" virtio_pci virtio_blk ext4
    kernel bookworm linux-image-cloud-amd64
    # shellcheck disable=SC2046
    qemu mismatch "root=/dev/vda" $(disk "$BATS_FILE_TMPDIR/disk")
    failed mismatch "modules in the initrd do not match the running kernel: it is $VERSION"
}

@test "vm.modules=, options and blacklist of modprobe.d, options on the command line" {
    mkdir -p "$BATS_TEST_TMPDIR/extra/etc/modprobe.d"
    cat >"$BATS_TEST_TMPDIR/extra/etc/modprobe.d/test.conf" <<'END'
options loop max_loop=3
blacklist virtio_rng
install dummy /bin/false
alias my-name ifb
END
    EXTRA=$BATS_TEST_TMPDIR/extra initrd "$INITRD" virtio_pci virtio_blk ext4 loop null_blk virtio_rng \
        dummy ifb tun
    # shellcheck disable=SC2046
    qemu modprobe.d "root=/dev/vda vm.modules=loop,null-blk,dummy vm.modules=my-name,nothing_at_all,unix \
        null_blk.nr_devices=2" -device virtio-rng-pci $(disk "$BATS_FILE_TMPDIR/disk")
    reached modprobe.d
    told modprobe.d '^/sys/module/loop/parameters/max_loop 3$'
    told modprobe.d '^/sys/module/null_blk/parameters/nr_devices 2$'
    told modprobe.d '^modules .* ifb .*'
    told modprobe.d 'run-vm: vm.modules=nothing_at_all: the initrd has no such module'
    run ! grep -E 'vm.modules=(unix|loop|dummy)|^modules .*(virtio_rng|dummy|tun)' "$BATS_FILE_TMPDIR/modprobe.d.console"
}

@test "a module that is wanted by nothing stays out, one for a device that is there comes in" {
    initrd "$INITRD" virtio_pci virtio_blk ext4 virtio_rng xfs nvme
    # shellcheck disable=SC2046
    qemu devices "root=/dev/vda" -device virtio-rng-pci $(disk "$BATS_FILE_TMPDIR/disk")
    reached devices
    told devices '^modules .*virtio_rng'
    run ! grep -E '^modules .*(xfs|nvme)' "$BATS_FILE_TMPDIR/devices.console"
}
