#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A root that is found by its label, as since NixOS 23.11: on a new image, and on an old one.

load harness

@test "a new image gets the label, and the next start finds what was written" {
    local image=$BATS_TEST_TMPDIR/new.qcow2 raw transport=9p
    # QEMU's own virtiofsd serves root only
    if [ "$EUID" = 0 ] || [ -e /usr/libexec/virtiofsd ]; then
        transport=virtiofs
    fi
    # all defaults of today's release
    NIX_DISK_IMAGE=$image boot new -o runVm.release=26.11 <<'END'
grep -q ' root=LABEL=nixos ' /proc/cmdline
[ "$(cat /sys/class/block/vda/serial)" = root ]
grep -q '^/dev/vda / ext4 rw' /proc/mounts
grep '^shared ' /proc/mounts >/tmp/xchg/shared
grep '^overlay /nix/store overlay ' /proc/mounts | grep -q 'upperdir=[^,]*/nix/.rw-store/upper,'
echo written >/kept
END
    worked new
    says "$BATS_FILE_TMPDIR/new/xchg/shared" "^shared /tmp/shared $transport rw"
    says "$BATS_FILE_TMPDIR/new/console" 'run-vm: /dev/vda was blank: it has an ext4 filesystem now'
    run ! grep -q 'reading all of it' "$BATS_FILE_TMPDIR/new/console"
    # another disk comes first now: the root is found all the same
    truncate -s 16M "$BATS_TEST_TMPDIR/first.raw"
    NIX_DISK_IMAGE=$image boot again -o runVm.release=26.11 \
        -o "virtualisation.qemu.drives={\"_type\":\"order\",\"priority\":500,\"content\":[{\"file\":\"$BATS_TEST_TMPDIR/first.raw\"}]}" <<'END'
[ "$(cat /kept)" = written ]
grep -q '^/dev/vdb / ext4 rw' /proc/mounts
END
    worked again
    run ! grep -q 'was blank' "$BATS_FILE_TMPDIR/again/console"
    raw=$(raw_image "$image")
    e2fsck -fn "$raw"
    [ "$(blkid -p -o value -s LABEL "$raw")" = nixos ]
}

@test "an image of an older release, whose root has no label, still boots" {
    local image=$BATS_TEST_TMPDIR/old.qcow2
    truncate -s 256M "$BATS_TEST_TMPDIR/old.raw"
    mke2fs -Fqt ext4 "$BATS_TEST_TMPDIR/old.raw"
    qemu-img convert -O qcow2 "$BATS_TEST_TMPDIR/old.raw" "$image"
    NIX_DISK_IMAGE=$image boot old -o runVm.release=25.11 <<<"[ -d /lost+found ]"
    worked old
    says "$BATS_FILE_TMPDIR/old/console" 'run-vm: /dev/vda has no label: .*"e2label /dev/vda nixos" in the guest'
}

# stage_1 DIRECTORY: makes a system whose own initrd does what stage 1 of NixOS does without udev: it mounts
# the root by its label, and formats nothing.
stage_1() {
    local kernel modules
    kernel=${RUN_VM_KERNEL_DIR:-$("$BATS_TEST_DIRNAME/../../scripts/fetch-kernel")}
    modules=$(echo "$kernel"/lib/modules/*)
    mkdir -p "$1/tree/bin" "$1/tree/modules" "$1/tree/proc" "$1/tree/sys" "$1/tree/dev" "$1/tree/root"
    cp "$(dpkg-query -L busybox-static | grep '/bin/busybox$')" "$1/tree/bin/busybox"
    for module in virtio_pci virtio_blk crc32c_generic ext4; do
        modprobe -d "$kernel" -S "${modules##*/}" --show-depends "$module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$1/list"
    while read -r module; do
        cp "$module" "$1/tree/modules/"
        echo "insmod /modules/${module##*/}"
    done <"$1/list" >"$1/tree/load"
    cat >"$1/tree/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
. /load
if mount -t ext4 "$(findfs LABEL=nixos)" /root; then
    echo "stage 1: root has $(cat /root/kept) with $(cat /proc/cmdline)"
    echo "an earlier start" >/root/kept
    umount /root
fi
poweroff -f
END
    chmod +x "$1/tree/init"
    (cd "$1/tree" && find . | cpio --quiet -o -H newc) | gzip -1 >"$1/initrd"
    cp "$kernel"/vmlinuz-* "$1/kernel"
    echo "loglevel=4" >"$1/kernel-params"
    ln -s /bin/sh "$1/init"
}

# start NAME [run-vm's arguments]: boots that system; its console goes to NAME.
start() {
    local name=$1
    shift
    timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" -o "system.build.toplevel=$PWD/system" \
        -o nix.enable=false -o runVm.initrd=system -o runVm.release=25.11 -o virtualisation.graphics=false \
        -o virtualisation.sharedDirectories.nix-store.source="$PWD" "$@" </dev/null >"$name" 2>&1
}

@test "for the system's own initrd the host formats a new image, once" {
    cd "$BATS_TEST_TMPDIR"
    stage_1 "$PWD/system"
    export TMPDIR=$PWD
    start first
    says first 'stage 1: root has  with loglevel=4 '
    start second
    says second 'stage 1: root has an earlier start'
    qemu-img convert -O raw nixos.qcow2 raw
    e2fsck -fn raw
    [ "$(blkid -p -o value -s LABEL raw)" = nixos ]
    [ "$(stat -c %s raw)" = $((1024 << 20)) ]
    [ -z "$(find . -name '.run-vm-*')" ]
}

@test "without mkfs.ext4 the start says which package has it, and leaves no image" {
    cd "$BATS_TEST_TMPDIR"
    mkdir bin system
    touch system/{kernel,initrd,kernel-params}
    ln -s "$(command -v qemu-img)" "$(command -v qemu-system-x86_64)" bin/
    local run_vm=$RUN_VM_PROGRAM
    run -69 --separate-stderr unshare -rm sh -c "mount -t tmpfs none /usr/sbin; PATH=$PWD/bin exec $run_vm \
        -o system.build.toplevel=$PWD/system -o nix.enable=false -o runVm.initrd=system -o runVm.release=25.11"
    # shellcheck disable=SC2154 # run sets it
    [[ $stderr == *"nixos.qcow2: mkfs.ext4: not found on PATH; Debian has it in the package e2fsprogs"* ]]
    [ -z "$(find . -name '*.qcow2' -o -name '.run-vm-*')" ]
}
