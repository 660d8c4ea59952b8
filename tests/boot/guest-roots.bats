#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every form of root=, and the overlays on top of it.

load guest

setup_file() {
    kernel
    mkdir -p "$BATS_FILE_TMPDIR/tree/etc"
    echo tty:x:5: >"$BATS_FILE_TMPDIR/tree/etc/group"
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
while read -r what where type options _; do
    echo "mount $where $type $what $options"
done </proc/mounts
echo "init $0"
echo "arguments $#: $1, $2"
echo "environment $(tr '\0' '\n' </proc/1/environ | grep -c .)"
echo "root mode $(stat -c %a /) tmp mode $(stat -c %a /tmp) mark $(echo /etc/NIXOS*)"
echo "root link $(readlink /dev/root)"
cat /run/udev/rules.d/61-dev-root-link.rules
echo "modprobe $(cat /proc/sys/kernel/modprobe)"
echo "open $(for fd in /proc/1/fd/*; do readlink "$fd"; done | grep -v pipe: | sort -u | tr '\n' ' ')"
echo "blocked $(grep -E '^Sig(Blk|Ign)' /proc/1/status | tr '\n' ' ')"
echo "available $(sed -n 's/^MemAvailable: *//p' /proc/meminfo)"
touch /written && echo "root written"
[ -e /before ] && echo "written before"
touch /before
END
    export INITRD=$BATS_FILE_TMPDIR/initrd
    initrd "$INITRD" virtio_pci virtio_blk ext4 9p 9pnet_virtio overlay virtiofs

    # a disk with one partition, which holds the tree
    local image=$BATS_FILE_TMPDIR/disk.img
    truncate -s 64M "$image"
    echo 'label: gpt
        start=2048, name="my root", uuid=11111111-2222-3333-4444-555555555555' | sfdisk -q "$image"
    mke2fs -q -t ext4 -d "$BATS_FILE_TMPDIR/tree" -L "the label" -U 99999999-8888-7777-6666-555555555555 \
        -E offset=1048576 "$image" 60M
    cp "$image" "$BATS_FILE_TMPDIR/pristine.img"
    export DISK="-drive file=$image,format=raw,if=virtio"
}

# Prints the mounts that stage 2 saw, sorted by mount point.
mounted() {
    told "$1" "^mount $2"
}

@test "a partition by its path, from /sbin/init: stage 2 finds what it needs" {
    # shellcheck disable=SC2086
    qemu path "root=/dev/vda1 some.thing=else word -- one \"two=three four\"" $DISK
    reached path
    told path '^stage 2 is PID 1$'
    mounted path '/ ext4 /dev/vda1 rw,'
    mounted path '/proc proc proc rw,nosuid,nodev,noexec,'
    mounted path '/sys sysfs sysfs rw,nosuid,nodev,noexec,'
    mounted path '/dev devtmpfs devtmpfs rw,nosuid,.*mode=755'
    mounted path '/dev/pts devpts devpts rw,nosuid,noexec,.*gid=5,mode=620,ptmxmode=666'
    mounted path '/dev/shm tmpfs tmpfs rw,nosuid,nodev'
    mounted path '/run tmpfs tmpfs rw,nosuid,nodev,.*mode=755'
    mounted path '/run/keys ramfs ramfs rw,nosuid,nodev,.*mode=750'
    told path '^init /sbin/init$'
    told path '^arguments 2: one, two=three four$'
    told path '^environment 0$'
    told path 'tmp mode 1777 mark /etc/NIXOS\*$'
    told path '^root link vda1$'
    told path '^ACTION=="add\|change", SUBSYSTEM=="block", ENV\{MAJOR\}=="[0-9]+", ENV\{MINOR\}=="1", SYMLINK\+="root"$'
    told path '^modprobe /sbin/modprobe$'
    told path '^blocked SigBlk:.0+ '
    told path '^open /dev/console /sbin/init /test.sh *$'
    told path '^root written$'
}

@test "LABEL=, UUID=, PARTLABEL= and PARTUUID= find the partition" {
    local name
    local -A forms=(
        [label]='"root=LABEL=the label"' [uuid]=root=UUID=99999999-8888-7777-6666-555555555555
        [partlabel]='root="PARTLABEL=my root"' [partuuid]=root=PARTUUID=11111111-2222-3333-4444-555555555555
    )
    for name in "${!forms[@]}"; do
        # shellcheck disable=SC2086
        qemu "$name" "${forms[$name]} ro" $DISK
        reached "$name"
        mounted "$name" '/ ext4 /dev/vda1 ro,'
    done
}

@test "a share by its tag is the root, and a wrong tag names those there are" {
    qemu tag "root=tree"
    reached tag
    mounted tag '/ 9p tree .*trans=virtio'
    told tag '^root link $'
    qemu wrong-tag "root=nonsense rootfstype=9p"
    failed wrong-tag 'nonsense.*"tree"'
}

@test "a tmpfs is the root, with mode 755 and stage 2 from a share" {
    qemu tmpfs "root=tmpfs vm.share=tree:/share vm.mount=/share/bin:/bin:none:bind,ro vm.mount=/share/test.sh:/test.sh:none:bind init=/share/sbin/init"
    reached tmpfs
    mounted tmpfs '/ tmpfs tmpfs rw,.*mode=755'
    mounted tmpfs '/bin 9p tree ro,'
    mounted tmpfs '/dev/pts devpts devpts .*gid=3,mode=620'
    told tmpfs '^root mode 755 tmp mode 1777'
    told tmpfs '^init /share/sbin/init$'
}

@test "under vm.root.overlay=tmpfs nothing written lasts, on a disk and on a share" {
    local copy=$BATS_FILE_TMPDIR/copy.img name
    cp "$BATS_FILE_TMPDIR/pristine.img" "$copy"
    for name in once twice; do
        # shellcheck disable=SC2046
        qemu "$name" "root=/dev/vda1 vm.root.overlay=tmpfs" $(disk "$copy")
        reached "$name"
        mounted "$name" '/ overlay overlay rw,'
        told "$name" '^root written$'
        run ! grep -q '^written before' "$BATS_FILE_TMPDIR/$name.console"
    done
    cmp "$copy" "$BATS_FILE_TMPDIR/pristine.img"
    qemu overlay-9p "root=tree vm.root.overlay=tmpfs"
    reached overlay-9p
    mounted overlay-9p '/ overlay overlay rw,'
    told overlay-9p '^root written$'
    [ ! -e "$BATS_FILE_TMPDIR/tree/written" ]
}

@test "the last init= counts, and a symlink of it leads inside the root" {
    ln -sfn /sbin/init "$BATS_FILE_TMPDIR/tree/absolute"
    qemu symlink "root=tree init=/nonsense init=/absolute"
    reached symlink
    told symlink '^init /absolute$'
}

@test "the memory of the initramfs is given back" {
    mkdir -p "$BATS_TEST_TMPDIR/large/a/b"
    truncate -s 80M "$BATS_TEST_TMPDIR/large/a/b/file"
    EXTRA=$BATS_TEST_TMPDIR/large initrd "$BATS_TEST_TMPDIR/initrd" virtio_pci 9p 9pnet_virtio
    INITRD=$BATS_TEST_TMPDIR/initrd MEMORY=320 qemu memory "root=tree"
    reached memory
    [ "$(sed -n 's/^available \([0-9]*\) kB/\1/p' "$BATS_FILE_TMPDIR/memory.console")" -gt 220000 ]
}

@test "a root on virtiofs" {
    local socket=$BATS_FILE_TMPDIR/virtiofs.sock
    /usr/lib/qemu/virtiofsd --socket-path="$socket" -o source="$BATS_FILE_TMPDIR/tree",sandbox=chroot \
        >"$BATS_FILE_TMPDIR/virtiofsd" 2>&1 3>&- &
    qemu virtiofs "root=vtree rootfstype=virtiofs vm.root.overlay=tmpfs" \
        -object memory-backend-memfd,id=m,size=256M,share=on -machine memory-backend=m \
        -chardev "socket,id=c,path=$socket" -device vhost-user-fs-pci,chardev=c,tag=vtree
    wait
    reached virtiofs
    mounted virtiofs '/ overlay overlay rw,'
}
