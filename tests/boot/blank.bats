#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The host's stamp on a blank disk: valid for one format of that disk.

load harness

# A disk besides the root, which run-vm makes and init formats.
data='virtualisation.fileSystems={"/data":{"device":"/dev/vdb","fsType":"ext4","autoFormat":true,"neededForBoot":true}}'

@test "a guest that starts again in the same machine does not lose what it wrote without a filesystem" {
    cd "$BATS_TEST_TMPDIR"
    PARAMS="vm.onfail=poweroff" boot again -o virtualisation.emptyDiskImages=[64] -o "$data" <<'END'
echo "written" >/data/file
umount /data
dd if=/dev/zero of=/dev/vdb bs=1M count=64 conv=fsync
seq 100000 | dd of=/dev/vdb bs=1M seek=17 conv=fsync
sync
echo b >/proc/sysrq-trigger
sleep 60
END
    console again | grep -a "run-vm: "
    says "$BATS_FILE_TMPDIR/again/console" 'run-vm: /dev/vda was blank'
    says "$BATS_FILE_TMPDIR/again/console" 'run-vm: /dev/vdb was blank'
    # the second boot of the same machine has the same parameters
    says "$BATS_FILE_TMPDIR/again/console" 'the boot failed at "mounts": .*/dev/vdb: not formatted, because it is not blank: it holds data of no known format, the first of it at byte 17825792'
    [ "$(console again | grep -ac '/dev/vd[ab] was blank')" = 2 ]
    qemu-img convert -O raw "$BATS_FILE_TMPDIR/again/empty0.qcow2" raw
    seq 100000 | cmp -n 588895 -i 17825792:0 raw -
}

@test "with the disks in another order the word is still for the disk that it was said of" {
    cd "$BATS_TEST_TMPDIR"
    export NIX_DISK_IMAGE=$PWD/order.qcow2
    # the user's drive comes first: in the guest it is /dev/vda, which the plan takes for the root
    truncate -s 64M payload.raw
    seq 100000 | dd of=payload.raw bs=1M seek=17 conv=notrunc status=none
    touch -d @1000000000 payload.raw
    local drives='{"_type":"override","priority":50,"content":[{"name":"root","file":"\"$NIX_DISK_IMAGE\"","deviceExtraOpts":{"addr":"0x12"}}]}'
    PARAMS="vm.onfail=poweroff" boot order -o "virtualisation.qemu.drives=$drives" -- -drive file="$PWD/payload.raw",format=raw,if=none,id=mine -device virtio-blk-pci,drive=mine,addr=0x10 </dev/null
    says "$BATS_FILE_TMPDIR/order/console" 'the boot failed at "mounts": .*/dev/vda: not formatted, because it is not blank: .*byte 17825792'
    [ "$(stat -c %Y payload.raw)" = 1000000000 ]
    # the stamped disk is unchanged: the next start can format it
    qemu-img map --output=json "$NIX_DISK_IMAGE" | jq -e '[.[] | select(.data) | .length] == [65536]'
    boot next <<<"echo written >/kept"
    worked next
    says "$BATS_FILE_TMPDIR/next/console" 'run-vm: /dev/vda was blank'
    run ! grep -q 'reading all of it' "$BATS_FILE_TMPDIR/next/console"
}
