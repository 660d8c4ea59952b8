#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The order of the drives in QEMU's command matches the devices that filesystems are mounted from, in
# every combination.

bats_require_minimum_version 1.7.0

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir -p system/kernel-modules/lib/modules/1 system/bin tmp
    touch system/kernel system/init
    : >system/kernel-params
    jq -n --arg system "$PWD/system" '{
        system: {name: "numbers", build: {toplevel: $system}},
        nixpkgs: {hostPlatform: "x86_64-linux"},
        virtualisation: {
            emptyDiskImages: [1], # with all others five drives, as many as IDE takes
            qemu: {drives: [{name: "mine", file: "/mine.img"}]}
        }
    }' >config.json
}

# plan ROOT STORE BOOT INTERFACE: prints the plan; each of the first three is "true" or "false".
plan() {
    local disk=./root.qcow2
    "$1" || disk=null
    TMPDIR=$BATS_FILE_TMPDIR/tmp "$RUN_VM_PROGRAM" --config "$BATS_FILE_TMPDIR/config.json" --dry-run=json \
        --guest-init /bin/true -o virtualisation.diskImage="$disk" \
        -o virtualisation.useNixStoreImage="$2" -o virtualisation.writableStore=true \
        -o virtualisation.useBootLoader="$3" -o virtualisation.qemu.diskInterface="$4" 2>/dev/null
}

# Prints the expected devices of the combination's disks, in order, as "NAME DEVICE" lines.
expected() {
    local prefix=/dev/vd letters=abcdefg name
    [ "$4" = virtio ] || prefix=/dev/sd
    for name in $("$1" && echo root.qcow2) $("$2" && echo store.img) $("$3" && echo disk.img) \
        empty0.qcow2 mine.img; do
        echo "$name $prefix${letters:0:1}"
        letters=${letters:1}
    done
}

@test "every combination of root disk, store image, boot disk and interface" {
    local root store boot interface plan disks
    for interface in virtio scsi ide; do
        for root in true false; do
            for store in true false; do
                for boot in true false; do
                    echo "root disk $root, store image $store, boot disk $boot, $interface"
                    plan=$(plan "$root" "$store" "$boot" "$interface")
                    disks=$(expected "$root" "$store" "$boot" "$interface")
                    # -drive options are in the order of the devices
                    diff <(jq -r '.argv[] | capture("^(.*,)?file=([^,]*/)?(?<name>[^/,]+),.*if=none").name' <<<"$plan") \
                        <(cut -d ' ' -f 1 <<<"$disks")
                    # each disk that exists is mounted
                    diff <(jq -r '.fileSystems | [."/".device, ."/nix/.ro-store".device, ."/boot".device][]' <<<"$plan") - <<END
$("$root" && sed -n 's/^root.qcow2 //p' <<<"$disks" || echo tmpfs)
$("$store" && sed -n 's/^store.img //p' <<<"$disks" || echo nix-store)
$("$boot" && sed -n 's/^disk.img \(.*\)/\12/p' <<<"$disks" || echo null)
END
                done
            done
        done
    done
}

@test "disks past those that the machine's bus has room for go behind bridges, 31 to each" {
    plan() {
        TMPDIR=$BATS_FILE_TMPDIR/tmp "$RUN_VM_PROGRAM" --config "$BATS_FILE_TMPDIR/config.json" --dry-run=json \
            --guest-init /bin/true -o virtualisation.emptyDiskImages="$1" 2>/dev/null | jq -r '.argv[]'
    }
    cd "$BATS_TEST_TMPDIR"
    plan '[1,1,1]' >few
    grep -q '^virtio-blk-pci,drive=' few
    run ! grep run-vm-disks few
    plan "$(jq -nc '[range(64) | 1]')" >many
    [ "$(grep -c '^pcie-pci-bridge,id=run-vm-disks[01]$' many)" = 2 ]
    [ "$(grep -c '^virtio-blk-pci,bus=run-vm-disks0,' many)" = 31 ]
    [ "$(grep -c '^virtio-blk-pci,bus=run-vm-disks1,' many)" = 28 ]
    [ "$(grep -c '^virtio-blk-pci,drive=' many)" = 8 ]
}
