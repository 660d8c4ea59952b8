#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A guest under pressure: many devices with little memory, devices that appear late, failing disks,
# consoles that nobody reads. None of them may hang the boot or destroy data.

load guest

setup_file() {
    kernel
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
while read -r what where type options _; do
    echo "mount $where $type $what $options"
done </proc/mounts
cat /mnt/*/name 2>/dev/null
END
    # a stage 2 that writes nothing to /dev/console, which nobody may be reading
    cat >"$BATS_FILE_TMPDIR/tree/sbin/quiet" <<'END'
#!/bin/sh
exec </dev/null >/dev/ttyS0 2>&1
exec /sbin/init
END
    chmod 755 "$BATS_FILE_TMPDIR/tree/sbin/quiet"
    export INITRD=$BATS_FILE_TMPDIR/initrd
    initrd "$INITRD" virtio_pci virtio_blk ext4 erofs 9p 9pnet_virtio overlay virtio_console
}

teardown_file() {
    figures pressure
}

# faulty FILE RULE...: prints QEMU's arguments for a disk whose requests fail. A rule consists of
# blkdebug's keys: "event=read_aio errno=5 sector=16".
faulty() {
    local options="driver=raw,file.driver=blkdebug,file.image.driver=file,file.image.filename=$1" i key
    local rules=("${@:2}")
    for i in "${!rules[@]}"; do
        for key in ${rules[i]}; do
            options+=",file.inject-error.$i.$key"
        done
    done
    echo "-drive $options,if=virtio"
}

# ext4 FILE: makes an ext4 filesystem that contains a file.
ext4() {
    mkdir -p "$BATS_TEST_TMPDIR/content"
    echo "kept" >"$BATS_TEST_TMPDIR/content/name"
    truncate -s 64M "$1"
    mke2fs -q -t ext4 -d "$BATS_TEST_TMPDIR/content" "$1"
}

# unchanged FILE: the file has not changed since the last sum() of it.
sum() {
    sha256sum "$@" >"$BATS_TEST_TMPDIR/sums"
}

unchanged() {
    sha256sum --quiet -c "$BATS_TEST_TMPDIR/sums"
}

# plug SOCKET NODE PORT: plugs the disk in; its serial number is the node's name.
plug() {
    qmp "$1" "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"virtio-blk-pci\", \"id\": \"disk-$2\",
        \"drive\": \"$2\", \"bus\": \"$3\", \"serial\": \"$2\"}}"
}

# many NAME DISKS SHARES PATHS [run-vm's arguments]: boots the demonstration system with 128 MB and that
# many blank disks, shares and additional registered paths, and checks that all of them are there.
many() {
    local name=$1 disks=$2 shares=$3 paths=$4 i
    local xchg=$BATS_FILE_TMPDIR/$1/xchg
    shift 4
    begin "$name"
    mkdir -p "$BATS_TEST_TMPDIR/$name" "$xchg"
    cd "$BATS_TEST_TMPDIR/$name" || return
    for ((i = 1; i <= shares; i++)); do
        mkdir "share$i"
        echo "$i" >"share$i/number"
    done
    {
        cat "$(jq -r .runVm.store "$DEMO_CONFIG")$(jq -r .system.build.regInfo "$DEMO_CONFIG")/registration"
        [ "$paths" = 0 ] || "$BATS_TEST_DIRNAME/../bench/make-registration" "$paths" 6
    } >"$xchg/registration"
    jq --arg here "$PWD" --argjson disks "$disks" --argjson shares "$shares" '
        def letter: [96 + .] | implode;
        def name: if . < 26 then . + 1 | letter else (. / 26 | floor | letter) + (. % 26 + 1 | letter) end;
        .virtualisation.sharedDirectories += ([range(1; $shares + 1)] | map({key: "s\(.)",
            value: {source: "\($here)/share\(.)", target: "/shares/\(.)"}}) | from_entries)
        | .virtualisation.emptyDiskImages = [range($disks) | 16]
        | .virtualisation.fileSystems += ([range(1; $disks + 1)] | map({key: "/disks/\(.)",
            value: {device: "/dev/vd\(name)", fsType: "ext4", neededForBoot: true, autoFormat: true}})
            | from_entries)' "$DEMO_CONFIG" >config.json
    DEMO_CONFIG=$PWD/config.json NIX_DISK_IMAGE=$PWD/disk.qcow2 \
        PARAMS="regInfo=/tmp/xchg/registration panic=-1" boot "$name" -o virtualisation.memorySize=128 \
        -o virtualisation.diskSize=192 "$@" -- -no-reboot <<END
set -eu
[ "\$(cat /shares/*/number | sort -n | tr '\n' ' ')" = "$(seq "$shares" | tr '\n' ' ')" ]
[ "\$(grep -c ' /disks/[0-9]* ext4 rw' /proc/mounts)" = $disks ]
END
    worked "$name"
    qemu-img convert -O raw disk.qcow2 raw
    debugfs -R "dump /nix/var/nix/db/db.sqlite db.sqlite" raw
    [ "$(sqlite3 db.sqlite 'pragma integrity_check')" = ok ]
    [ "$(sqlite3 db.sqlite "select count(*) from ValidPaths where path like '%-package-%'")" = "$paths" ]
    passed
}

@test "128 MB of memory are enough for many disks and shares, and for 10,000 registered paths" {
    many some 12 16 10000
    # These devices need more interrupts than one processor has. The kernel uses half of the memory for
    # them: register no paths but the system's.
    [ -z "${RUN_VM_LONG:-}" ] || TIME_LIMIT=900 many all 64 60 0 -o virtualisation.cores=2
}

@test "the root, the store's disk and another that come late, one after the other" {
    local monitor=$BATS_TEST_TMPDIR/qmp raw=$BATS_FILE_TMPDIR/late.raw booting
    begin "late devices"
    cd "$BATS_TEST_TMPDIR"
    mkdir -p store/aaa-thing
    mkfs.erofs --quiet store.img store >/dev/null
    truncate -s 64M root.img blank.img
    mke2fs -q -t ext4 -L late -d "$BATS_FILE_TMPDIR/tree" root.img
    touch "$raw"
    # unlike elsewhere vm.device-timeout exceeds TIME_LIMIT: waiting for all of it fails the test
    TIME_LIMIT=300 qemu late "root=LABEL=late vm.store=erofs:/dev/disk/by-id/virtio-store boot.trace \
        vm.mount=/dev/disk/by-id/virtio-blank:/mnt/blank:ext4:x-systemd.makefs vm.device-timeout=3000" \
        -qmp "unix:$monitor,server=on,wait=off" \
        -device pcie-root-port,id=one,slot=1,chassis=1 -device pcie-root-port,id=two,slot=2,chassis=2 \
        -device pcie-root-port,id=three,slot=3,chassis=3 -blockdev driver=file,filename=root.img,node-name=root \
        -blockdev driver=file,filename=store.img,node-name=store,read-only=on \
        -blockdev driver=file,filename=blank.img,node-name=blank 3>&- &
    booting=$!
    wait_for "$raw" 'run-vm: waiting for .*LABEL=late' $booting
    if [ -n "${RUN_VM_LONG:-}" ]; then
        timeout 10 tail --pid=$booting -f /dev/null || true
    fi
    plug "$monitor" blank one
    wait_for "$raw" 'run-vm: waiting for [^,]*, [^,]*$' $booting
    plug "$monitor" store two
    wait_for "$raw" 'run-vm: waiting for LABEL=late.?$' $booting
    plug "$monitor" root three
    wait $booting
    reached late
    told late '^mount / ext4 /dev/vdc rw'
    told late '^mount /nix/.ro-store erofs /dev/vdb ro'
    told late '^mount /mnt/blank ext4 /dev/vda rw'
    e2fsck -fn blank.img
    passed
}

@test "a disk that fails while it is probed, formatted or mounted is left as it is, by name" {
    local name=faults arguments=() parameters="" letters=(a b c d e f g) i
    local rules=("event=read_aio errno=5" "event=read_aio errno=5 sector=65536"
        "event=write_aio errno=5" "event=write_aio errno=5 sector=16384"
        "event=flush_to_disk errno=5" "event=read_aio errno=5 sector=2" "event=write_aio errno=5 sector=2")
    cd "$BATS_TEST_TMPDIR"
    begin "failing disks"
    for i in "${!rules[@]}"; do
        truncate -s 64M "$i"
        parameters+=" vm.mount=/dev/vd${letters[i]}:/mnt/$i:ext4:x-systemd.makefs,nofail"
        # shellcheck disable=SC2207
        arguments+=($(faulty "$i" "${rules[i]}"))
    done
    # a disk that holds data and cannot be read
    ext4 held
    sum held
    parameters+=" vm.mount=/dev/vdh:/mnt/held:ext4:x-systemd.makefs,nofail"
    # shellcheck disable=SC2207
    arguments+=($(faulty held "event=read_aio errno=5 sector=2"))
    qemu $name "root=tree vm.root.overlay=tmpfs $parameters" "${arguments[@]}"
    reached $name
    unchanged
    told $name 'run-vm: /dev/vda on /mnt/0 is left out \(nofail\): /dev/vda: cannot be read: I/O error'
    told $name 'run-vm: /dev/vdb on /mnt/1 is left out .*: /dev/vdb: cannot be read at byte 33554432: I/O error'
    told $name 'run-vm: /dev/vdc on /mnt/2 is left out .*: /dev/vdc: cannot make an ext4: the marker: I/O error'
    told $name 'run-vm: /dev/vdh on /mnt/held is left out .*: /dev/vdh: cannot be read'
    for i in 0 1 2; do # the format was not even begun
        cmp -n $((64 << 20)) "$i" /dev/zero
    done
    for i in "${!rules[@]}"; do
        told $name "run-vm: /dev/vd${letters[i]} on /mnt/$i is left out .*/dev/vd${letters[i]}: .*(I/O error|No space)"
        run ! grep -q "^mount /mnt/$i " "$BATS_FILE_TMPDIR/$name.console"
    done
    passed

    # the same disks, without faults
    begin "repaired disks"
    arguments=()
    for i in "${!rules[@]}" held; do
        # shellcheck disable=SC2207
        arguments+=($(disk "$i"))
    done
    qemu repaired "root=tree vm.root.overlay=tmpfs $parameters" "${arguments[@]}"
    reached repaired
    for i in "${!rules[@]}"; do
        told repaired "run-vm: /dev/vd${letters[i]} was blank"
        told repaired "^mount /mnt/$i ext4 /dev/vd${letters[i]} rw"
        e2fsck -fn "$i"
    done
    told repaired '^kept$'
    e2fsck -fn held
    passed
}

@test "a root that cannot be read or formatted ends the boot, by name" {
    cd "$BATS_TEST_TMPDIR"
    truncate -s 64M blank
    begin "root that cannot be read"
    # shellcheck disable=SC2046
    qemu root-read "root=/dev/vda rootfstype=ext4 rootflags=x-systemd.makefs" $(faulty blank "event=read_aio errno=5")
    failed root-read '/dev/vda: cannot be read: I/O error'
    cmp -n $((64 << 20)) blank /dev/zero
    passed
    [ -n "${RUN_VM_LONG:-}" ] || return 0

    begin "root that cannot be written"
    # shellcheck disable=SC2046
    qemu root-write "root=/dev/vda rootfstype=ext4 rootflags=x-systemd.makefs" \
        $(faulty blank "event=write_aio errno=5 sector=16384")
    failed root-write '/dev/vda: cannot make an ext4: .*I/O error'
    passed
    begin "root that is formatted again"
    # shellcheck disable=SC2046
    qemu root-again "root=/dev/vda rootfstype=ext4 rootflags=x-systemd.makefs init=/none" $(disk blank)
    failed root-again 'init=/none'
    told root-again 'run-vm: /dev/vda was blank'
    e2fsck -fn blank
    passed

    begin "root that cannot be mounted"
    ext4 held
    sum held
    # the superblock can be read, the group descriptors after it cannot
    # shellcheck disable=SC2046
    qemu root-mount "root=/dev/vda rootfstype=ext4" $(faulty held "event=read_aio errno=5 sector=4")
    failed root-mount '/dev/vda on /: mounting as ext4: I/O error'
    unchanged
    passed
}

# blocked NAME: makes a full pipe that a process holds open, for QEMU's chardev "pipe".
blocked() {
    mkfifo "$1.in" "$1.out"
    exec 7<>"$1.in" 8<>"$1.out"
    dd if=/dev/zero bs=4096 count=16 oflag=nonblock status=none >&8 || true
}

@test "a console that nobody reads, serial or virtio, does not stop the boot, not even as the last" {
    local name parameters
    local -A consoles=(
        [serial-first]="console=ttyS1 console=ttyS0" [serial-last]="console=ttyS1"
        [virtio-last]="console=hvc0" [all]="console=hvc0 console=ttyS1"
    )
    cd "$BATS_TEST_TMPDIR"
    local chosen=(all)
    [ -z "${RUN_VM_LONG:-}" ] || chosen=(serial-first serial-last virtio-last all)
    for name in "${chosen[@]}"; do
        begin "console $name"
        blocked "$name-serial"
        parameters="root=tree init=/sbin/quiet vm.modules=virtio_console ${consoles[$name]} boot.trace"
        qemu "console-$name" "$parameters" -serial mon:stdio -chardev "pipe,id=serial,path=$name-serial" \
            -serial chardev:serial -device virtio-serial-pci -chardev "pipe,id=virtio,path=$name-serial" \
            -device virtconsole,chardev=virtio
        exec 7>&- 8>&-
        reached "console-$name"
        passed
    done
}
