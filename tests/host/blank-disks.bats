#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; $stderr is bats's
# The host's statement that a disk is blank. QEMU is a script that keeps its arguments.

load start

setup_file() {
    bats_require_minimum_version 1.5.0
}

# start [run-vm's arguments]: sets `said` to the word in vm.blank, "" for none.
start() {
    qemu 'printf "%s\n" "$@" >"$CALLER/arguments"; exit "${QEMU_STATUS:-0}"'
    run_vm "$@" || return
    said=$(sed -n 's/^vm\.blank=\([A-Za-z0-9,]*\) .*/\1/p' arguments)
}

# stamp IMAGE: prints the word in the disk's stamp.
stamp() {
    qemu-img convert -O raw "$1" "$1.raw"
    head -c 42 "$1.raw" | tr -d '\0' | sed -n 's/^run-vm: blank but for this line$//; 2p'
    # the disk contains nothing else
    cmp -s -i 512 -n $(($(stat -c %s "$1.raw") - 512)) "$1.raw" /dev/zero
}

# untouched FILE COMMAND...: the command does not change the file.
untouched() {
    local file=$1 sum
    shift
    sum=$(sha256sum "$file")
    "$@"
    [ "$(sha256sum "$file")" = "$sum" ]
}

@test "a disk that run-vm makes is stamped, and the guest is told the word" {
    start
    [ -n "$said" ]
    [ "$(stamp nixos.qcow2)" = "$said" ]
    qemu-img check -q nixos.qcow2
    # this start did not format the disk: the next one finds only the stamp, and writes a new word,
    # since a copy of the image has the old one
    first=$said
    start
    [ -n "$said" ]
    [ "$said" != "$first" ]
    [ "$(stamp nixos.qcow2)" = "$said" ]
    # a disk to which something else was written gets no stamp
    qemu-io -f qcow2 -c 'write -P 1 3M 512' nixos.qcow2 >/dev/null
    untouched nixos.qcow2 start
    [ -z "$said" ]
    rm nixos.qcow2
    start
    [ "$said" != "$first" ]
    # a dry run prints no word and writes no stamp
    rm nixos.qcow2
    run --separate-stderr run_vm --dry-run
    [ "$status" -eq 0 ]
    [[ $output != *vm.blank* ]]
    [ ! -e nixos.qcow2 ]
}

@test "a disk that holds anything is neither stamped nor vouched for" {
    qemu-img create -q -f qcow2 nixos.qcow2 8M
    qemu-io -f qcow2 -c 'write -P 1 3M 512' nixos.qcow2 >/dev/null
    untouched nixos.qcow2 start
    [ -z "$said" ]
    rm nixos.qcow2
    # a raw image whose only byte is far from its ends
    truncate -s 64M other.raw
    printf x | dd of=other.raw bs=1 seek=33333333 conv=notrunc status=none
    NIX_DISK_IMAGE=other.raw untouched other.raw start
    [ -z "$said" ]
    # an overlay is not blank, even over a blank base
    qemu-img create -q -f qcow2 base.qcow2 8M
    qemu-img create -q -f qcow2 -F qcow2 -b "$PWD/base.qcow2" nixos.qcow2
    untouched nixos.qcow2 start
    [ -z "$said" ]
}

@test "blank images of the user's are vouched for: raw and qcow2, and drives of the configuration" {
    truncate -s 64M "a disk, blank.raw"
    NIX_DISK_IMAGE="a disk, blank.raw" start
    [ -n "$said" ]
    [ "$(stamp "a disk, blank.raw")" = "$said" ]
    qemu-img create -q -f qcow2 blank.qcow2 64M
    NIX_DISK_IMAGE=blank.qcow2 start
    [ -n "$said" ]
    [ "$(stamp blank.qcow2)" = "$said" ]

    truncate -s 64M serial.raw third.raw
    cat >config.json <<END
{"virtualisation": {
  "qemu": {"drives": [
    {"name": "s", "file": "$PWD/serial.raw", "driveExtraOpts": {"format": "raw"}, "deviceExtraOpts": {"serial": "persist"}},
    {"name": "t", "file": "$PWD/third.raw", "driveExtraOpts": {"format": "raw"}}]},
  "emptyDiskImages": [16],
  "fileSystems": {
    "/s": {"device": "/dev/disk/by-id/virtio-persist", "fsType": "ext4", "autoFormat": true, "neededForBoot": true},
    "/e": {"device": "/dev/vdb", "fsType": "ext4", "autoFormat": true, "neededForBoot": true},
    "/stage2": {"device": "/dev/vdd", "fsType": "ext4", "autoFormat": true}}}}
END
    USE_TMPDIR=1 start -c config.json
    [[ ",$said," == *,"$(stamp serial.raw)",* ]]
    [[ ",$said," == *,"$(stamp "$TMPDIR/empty0.qcow2")",* ]]
    [ ${#said} = 32 ] # with the root
    # a disk that stage 2 formats, not init: nothing is written to it
    cmp -n $((64 << 20)) third.raw /dev/zero
}

@test "no disk is stamped that another init, or nobody, is to format" {
    local i
    truncate -s 64M blank.raw
    mkdir -p top
    touch top/{init,initrd,kernel}
    touch top/kernel-params
    export NIX_DISK_IMAGE=$PWD/blank.raw
    untouched blank.raw start -o "system.build.toplevel=$PWD/top" -o nix.enable=false -o runVm.initrd=system
    [ -z "$said" ]
    for i in -snapshot --snapshot; do
        untouched blank.raw start -- "$i"
        [ -z "$said" ]
    done
    untouched blank.raw start -o 'virtualisation.fileSystems={"_type":"override","priority":5,"content":{"/":{"device":"/dev/vda","fsType":"ext4"}}}' \
        -o virtualisation.useDefaultFilesystems=false
    [ -z "$said" ]
    # nor if an option makes the file only a part of the disk
    qemu-img create -q -f qcow2 blank.qcow2 64M
    for i in readonly=on snapshot=on offset=512 backing.file.filename=blank.raw file.filename=blank.raw; do
        untouched blank.qcow2 start -o virtualisation.qemu.drives='{"_type":"override","priority":5,"content":[
            {"name":"root","file":"'"$PWD"'/blank.qcow2","driveExtraOpts":{"format":"qcow2","'"${i%=*}"'":"'"${i#*=}"'"}}]}'
        [ -z "$said" ]
    done
    # nor a partition: the stamp is for the whole disk
    untouched blank.raw start -o virtualisation.useDefaultFilesystems=false \
        -o 'virtualisation.fileSystems={"/":{"device":"/dev/vda1","fsType":"ext4","autoFormat":true}}'
    [ -z "$said" ]
    untouched blank.raw start -o virtualisation.useDefaultFilesystems=false \
        -o 'virtualisation.fileSystems={"/":{"device":"/dev/disk/by-label/root","fsType":"ext4","autoFormat":true}}'
    [ -z "$said" ]
}

@test "what a guest has written to a raw disk is nothing of the host's to change, an empty image neither" {
    truncate -s 64M raw.img
    python3 -c 'import os; os.setxattr("raw.img", "user.test", b"x")' || skip "no extended attributes here"
    export NIX_DISK_IMAGE=raw.img
    start
    [ -n "$said" ]
    qemu-img create -q -f qcow2 empty.qcow2 16M
    dd if=empty.qcow2 of=raw.img conv=notrunc status=none
    untouched raw.img start
    [ -z "$said" ]
}

@test "the word does not make the initrd another one, and stays out where it has no room" {
    local long
    start
    start
    [ "$(entries initrd | wc -l)" = 1 ]
    # too long for the command line: our parameters travel in the initrd
    long=$(printf 'x%.0s' {1..1880})
    rm nixos.qcow2
    start --append "a=$long"
    [ -z "$said" ]
    qemu-img map --output=json nixos.qcow2 | jq -e 'all(.[]; .data == false)'
}

@test "a disk in use, or read-only, is left alone by the host" {
    truncate -s 64M nixos.raw
    export NIX_DISK_IMAGE=nixos.raw
    exec 5< <(exec qemu-io -f raw -c 'sleep 60000' nixos.raw 2>&1)
    holder=$!
    while_runs "$holder" grep -q "$(stat -c %i nixos.raw)" /proc/locks
    untouched nixos.raw start
    [ -z "$said" ]
    kill $holder
}
