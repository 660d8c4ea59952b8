#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # the scripts that are QEMU expand their variables; start.bash sets $modules
# First use: a directory as the root needs no disk, and a start that fails leaves the caller's
# directory unchanged.

bats_require_minimum_version 1.5.0

load start

# Prints the files of the caller's directory with every attribute that could change.
listing() {
    find . -mindepth 1 -printf '%p %y %m %s %T@\n' | sort
}

# disk: prints the disk image that the plan would make, if any.
disk() {
    run_vm --dry-run=json "$@" | jq -r '.files[] | select(.kind == "disk-image") | .path'
}

@test "--root-dir implies that there is no disk image" {
    mkdir tree
    before=$(listing)
    [ -z "$(disk --root-dir tree)" ]
    run -0 run_vm --root-dir tree
    [ "$(listing)" = "$before" ]
}

@test "a disk image that somebody asks for beside --root-dir is made, whoever asks" {
    mkdir tree
    [ "$(disk --root-dir tree -o virtualisation.diskImage=./own.qcow2)" = "$PWD/own.qcow2" ]
    [ "$(NIX_DISK_IMAGE=env.qcow2 disk --root-dir tree)" = "$PWD/env.qcow2" ]
    echo '{"virtualisation": {"diskImage": {"_type": "override", "priority": 1000, "content": "default.qcow2"}}}' >own.json
    [ "$(disk --root-dir tree -c own.json)" = "$PWD/default.qcow2" ]
    # an empty variable has no effect
    [ -z "$(NIX_DISK_IMAGE='' disk --root-dir tree)" ]
    # without a tree a disk is made as usual
    [ "$(disk)" = "$PWD/nixos.qcow2" ]
}

@test "a start that fails leaves the caller's directory as it was" {
    local before
    # the initrd cannot be made: a module is cut off
    mkdir "$modules/kernel"
    echo 'int nothing;' | gcc -g -x c -c -o "$modules/kernel/virtio_pci.ko" -
    xz --check=crc32 "$modules/kernel/virtio_pci.ko"
    depmod -b "$BATS_TEST_TMPDIR/modules" 6.1.0
    truncate -s 200 "$modules/kernel/virtio_pci.ko.xz"
    before=$(listing)
    run -74 run_vm
    [[ $output == *"virtio_pci.ko.xz"* ]]
    [ "$(listing)" = "$before" ]
    rm -r "$modules/kernel"
    depmod -b "$BATS_TEST_TMPDIR/modules" 6.1.0
    # QEMU refuses its arguments
    qemu 'exit 1'
    before=$(listing)
    run -1 run_vm
    [ "$(listing)" = "$before" ]
    # QEMU cannot be started at all
    printf '#!/nowhere\n' >qemu/bin/qemu-kvm
    before=$(listing)
    run ! run_vm
    [ "$(listing)" = "$before" ]
    # EFI variables are made beside the image
    qemu 'exit 1'
    head -c 1000 /dev/urandom >system/variables
    before=$(listing)
    run -1 run_vm -o virtualisation.useEFIBoot=true -o "virtualisation.efi.firmware=$PWD/system/variables" \
        -o "virtualisation.efi.variables=$PWD/system/variables"
    [ "$(listing)" = "$before" ]
}

@test "what a guest has written to stays, however QEMU ends; so does what was there before" {
    qemu 'qemu-io -f qcow2 -c "write -P 1 1M 64k" "$CALLER/nixos.qcow2" >/dev/null; exit 1'
    run -1 run_vm
    [ -e nixos.qcow2 ]
    local sum
    sum=$(sha256sum nixos.qcow2)
    qemu 'exit 1'
    run -1 run_vm
    [ "$(sha256sum nixos.qcow2)" = "$sum" ]
}

@test "an image that nobody wrote to stays after a start that went well" {
    run -0 run_vm
    [ -e nixos.qcow2 ]
}
