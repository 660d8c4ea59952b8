#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Mounts before stage 2: their kinds, options and order.

load guest

setup_file() {
    kernel
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
while read -r what where type options _; do
    echo "mount $where $type $what $options"
done </proc/mounts
for file in /mnt/*/name /nix/store/*/name; do
    echo "file $file $(cat "$file")"
done
stat -c 'mode %n %a' /nix/store /mnt/* 2>/dev/null
df -k /mnt/grown | tail -n 1 | while read -r _ size _; do echo "grown $size"; done
echo "modules $(cut -d ' ' -f 1 /proc/modules | sort | tr '\n' ' ')"
END
    mkdir -p "$BATS_FILE_TMPDIR/tree/data/deep" "$BATS_FILE_TMPDIR/tree/lower" "$BATS_FILE_TMPDIR"/{small,one,two}
    echo "of the tree" >"$BATS_FILE_TMPDIR/tree/data/deep/name"
    echo "of the lower layer" >"$BATS_FILE_TMPDIR/tree/lower/name"
    echo "small" >"$BATS_FILE_TMPDIR/small/name"
    export INITRD=$BATS_FILE_TMPDIR/initrd
    initrd "$INITRD" virtio_pci virtio_blk ext4 9p 9pnet_virtio overlay xfs btrfs vfat f2fs isofs squashfs erofs \
        nls_ascii nls_cp437 nls_iso8859-1
}

mounted() {
    told "$1" "^mount $2"
}

# disks IMAGE...: prints QEMU's arguments for these disks.
disks() {
    local image
    for image in "$@"; do
        disk "$image"
    done
}

@test "each filesystem with a module, found by probing, is mounted from a disk that its own tool made" {
    cd "$BATS_TEST_TMPDIR"
    truncate -s 320M xfs
    truncate -s 128M btrfs f2fs
    truncate -s 40M vfat
    mkfs.xfs -q xfs
    mkfs.btrfs -q btrfs
    mkfs.f2fs -q f2fs >/dev/null
    mkfs.vfat vfat >/dev/null
    xorriso -as mkisofs -quiet -o iso9660 "$BATS_FILE_TMPDIR/small" 2>/dev/null
    mksquashfs "$BATS_FILE_TMPDIR/small" squashfs -quiet -no-progress >/dev/null
    mkfs.erofs --quiet erofs "$BATS_FILE_TMPDIR/small" >/dev/null
    local types=(xfs btrfs f2fs vfat iso9660 squashfs erofs) letters=(a b c d e f g) parameters="" i
    for i in "${!types[@]}"; do
        parameters+=" vm.mount=/dev/vd${letters[i]}:/mnt/${types[i]}"
    done
    # shellcheck disable=SC2046
    qemu types "root=tree vm.root.overlay=tmpfs $parameters" $(disks "${types[@]}")
    reached types
    for i in "${!types[@]}"; do
        mounted types "/mnt/${types[i]} ${types[i]} /dev/vd${letters[i]} "
    done
    for i in iso9660 squashfs erofs; do
        told types "^file /mnt/$i/name small"
        mounted types "/mnt/$i $i /dev/vd. ro,"
    done
    run ! grep -Eq 'run-vm: .*(vfat|charset)' "$BATS_FILE_TMPDIR/types.console"
}

@test "mounts come after what they are in and made of, whatever their order, and x-* options go" {
    truncate -s 64M "$BATS_TEST_TMPDIR/blank"
    # shellcheck disable=SC2046
    qemu order "root=tree vm.root.overlay=tmpfs \
        vm.mount=/mnt/disk:/mnt/bound:none:bind,ro \
        vm.mount=ov:/mnt/ov:overlay:lowerdir=/lower:/data/deep,upperdir=/mnt/disk/up,workdir=/mnt/disk/work \
        vm.mount=tmpfs:/mnt/disk/sub/deeper:tmpfs:size=1m,mode=700 \
        vm.mount=/data/deep/name:/mnt/file/name:none:bind \
        vm.mount=/dev/vda:/mnt/disk:ext4:x-systemd.makefs,x-initrd.mount,noatime,x-foo=bar \
        vm.mount=/dev/vdq:/mnt/none:ext4:nofail \
        vm.mount=tmpfs:/mnt/sp\\040ace:tmpfs" $(disks "$BATS_TEST_TMPDIR/blank")
    reached order
    mounted order '/mnt/disk ext4 /dev/vda rw,noatime$'
    mounted order '/mnt/disk/sub/deeper tmpfs tmpfs rw,relatime,size=1024k,mode=700'
    mounted order '/mnt/ov overlay ov rw,.*lowerdir=/sysroot/lower:/sysroot/data/deep,upperdir=/sysroot/mnt/disk/up'
    mounted order '/mnt/bound ext4 /dev/vda ro,noatime$'
    mounted order '/mnt/sp\\040ace tmpfs '
    told order '^file /mnt/ov/name of the lower layer$'
    told order '^file /mnt/file/name of the tree$'
    told order 'run-vm: /dev/vdq on /mnt/none is left out \(nofail\)'
    told order '^mode /mnt/ov 755$'
}

@test "a cycle, and a target that is there twice, are named" {
    qemu cycle "root=tree vm.mount=/a:/b:none:bind vm.mount=/b:/c:none:bind vm.mount=/c:/a:none:bind"
    failed cycle '/. needs /. needs /. needs /.'
    qemu twice "root=tree vm.mount=one:/mnt:tmpfs vm.mount=two:/mnt:tmpfs"
    failed twice '/mnt.*"one".*"two"'
}

# keep DISK DIRECTORY: makes DIRECTORY of a writable layer on a root disk, with a file. The guest has not
# unmounted it: its journal must be replayed first.
keep() {
    e2fsck -fy "$1" >/dev/null 2>&1 || [ $? = 1 ]
    debugfs -w -f - "$1" <<END >/dev/null 2>&1
mkdir /nix/.rw-store/${2%/*}
mkdir /nix/.rw-store/$2
write $BATS_FILE_TMPDIR/small/name /nix/.rw-store/$2/name
END
}

@test "a store on 9p with its writable layer on a tmpfs, on the root disk, and without" {
    mkdir -p "$BATS_FILE_TMPDIR/store/aaa-thing"
    truncate -s 64M "$BATS_TEST_TMPDIR/root"
    local share="-fsdev local,id=st,path=$BATS_FILE_TMPDIR/store,security_model=none,readonly=on
        -device virtio-9p-pci,fsdev=st,mount_tag=nix-store" number upper=/sysroot/nix/.rw-store/upper
    # shellcheck disable=SC2086
    qemu store-tmpfs "root=tree vm.root.overlay=tmpfs vm.store=9p:nix-store vm.msize=65536" $share
    reached store-tmpfs
    mounted store-tmpfs '/nix/.ro-store 9p nix-store ro,.*loose.*msize=65536'
    mounted store-tmpfs '/nix/.rw-store tmpfs tmpfs rw,.*mode=755'
    mounted store-tmpfs '/nix/store overlay overlay rw,'
    told store-tmpfs '^mode /nix/store 755$'
    # the layer changes its name, and then there are two
    for number in 1 2 3; do
        # shellcheck disable=SC2046,SC2086
        qemu store-root-$number "root=/dev/vda rootflags=x-systemd.makefs vm.store=9p:nix-store vm.store.overlay=root \
            vm.share=tree:/tree vm.mount=/tree/bin:/bin:none:bind vm.mount=/tree/test.sh:/test.sh:none:bind \
            init=/tree/sbin/init vm.store.upper=$([ $number = 1 ] && echo store || echo upper)" \
            $share $(disks "$BATS_TEST_TMPDIR/root")
        reached store-root-$number
        run ! grep -q '^mount /nix/.rw-store ' "$BATS_FILE_TMPDIR/store-root-$number.console"
        keep "$BATS_TEST_TMPDIR/root" store/kept-$number
    done
    mounted store-root-1 '/nix/store overlay overlay rw,.*upperdir=/sysroot/nix/.rw-store/store'
    mounted store-root-2 "/nix/store overlay overlay rw,.*lowerdir=/sysroot/nix/.ro-store,upperdir=$upper,"
    told store-root-2 'file /nix/store/kept-1/name small'
    told store-root-2 '/nix/.rw-store/store, the writable layer of the store, is called /nix/.rw-store/upper now'
    mounted store-root-3 "/nix/store .*lowerdir=/sysroot/nix/.rw-store/store:/sysroot/nix/.ro-store,upperdir=$upper,"
    told store-root-3 'file /nix/store/kept-1/name small'
    told store-root-3 'file /nix/store/kept-2/name small'
    # shellcheck disable=SC2086
    qemu store-none "root=tree vm.root.overlay=tmpfs vm.store=9p:nix-store vm.store.overlay=none" $share
    reached store-none
    mounted store-none '/nix/store 9p nix-store ro,'
}

@test "a store on erofs, and on a share that cannot hold the writable layer" {
    mkdir -p "$BATS_TEST_TMPDIR/store/aaa-thing"
    mkfs.erofs --quiet "$BATS_TEST_TMPDIR/erofs" "$BATS_TEST_TMPDIR/store" >/dev/null
    # shellcheck disable=SC2046
    qemu store-erofs "root=tree vm.root.overlay=tmpfs vm.store=erofs:/dev/vda" $(disks "$BATS_TEST_TMPDIR/erofs")
    reached store-erofs
    mounted store-erofs '/nix/.ro-store erofs /dev/vda ro,'
    mounted store-erofs '/nix/store overlay overlay rw,'
    mkdir -p "$BATS_FILE_TMPDIR/tree/nix/.ro-store" "$BATS_FILE_TMPDIR/tree/nix/.rw-store/"{store,work}
    # shellcheck disable=SC2046
    qemu store-9p "root=tree vm.store=erofs:/dev/vda vm.store.overlay=root" $(disks "$BATS_TEST_TMPDIR/erofs")
    rm -r "$BATS_FILE_TMPDIR/tree/nix/.r"*
    failed store-9p '/nix/.rw-store/store is on a 9p share'
}

@test "x-systemd.growfs finds the space of a disk that has grown, on the root and elsewhere" {
    cd "$BATS_TEST_TMPDIR"
    truncate -s 64M disk
    mke2fs -q -t ext4 disk
    truncate -s 64M root
    mke2fs -q -t ext4 -d "$BATS_FILE_TMPDIR/tree" root
    qemu-img resize -q -f raw disk 200M
    qemu-img resize -q -f raw root 200M
    # shellcheck disable=SC2046
    qemu grow "root=/dev/vda rootflags=x-systemd.growfs vm.mount=/dev/vdb:/mnt/grown:ext4:x-systemd.growfs" \
        $(disks root disk)
    reached grow
    told grow 'the filesystem on /mnt/grown has grown'
    told grow 'the filesystem on / has grown'
    [ "$(sed -n 's/^grown //p' "$BATS_FILE_TMPDIR/grow.console")" -gt 150000 ]
    e2fsck -fn disk
    e2fsck -fn root
}
