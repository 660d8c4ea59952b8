#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Boots that cannot succeed: the console names what failed and why, and the machine powers off instead
# of hanging (the demonstration system's kernel parameters contain vm.onfail=poweroff).

load harness

# fails NAME REGEX: init ended the boot before stage 2, with a reason that matches.
fails() {
    if [ "$(cat "$BATS_FILE_TMPDIR/$1/status")" != 70 ]; then
        says "$BATS_FILE_TMPDIR/$1/console" 'no status 70'
    fi
    says "$BATS_FILE_TMPDIR/$1/console" "run-vm: the boot failed.*$2"
    run ! grep -q '^demo: ' "$BATS_FILE_TMPDIR/$1/console"
}

setup() {
    export NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.qcow2
    mkdir "$BATS_TEST_TMPDIR/tmp"
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
}

@test "a stage 2 that is missing is named, and nothing temporary is left on the host" {
    PARAMS=init=/nix/store/nowhere/init boot_as_is no-stage-2
    fails no-stage-2 '/nix/store/nowhere/init.*No such file'
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a root device that is missing is named, with those that there are" {
    PARAMS="root=/dev/vdx vm.device-timeout=2" boot_as_is no-root
    fails no-root '/dev/vdx'
    says "$BATS_FILE_TMPDIR/no-root/console" '/dev/vda +1 GiB'
}

@test "a root disk with an unknown filesystem is named, and left as it is" {
    head -c 4M /dev/urandom >"$BATS_TEST_TMPDIR/random"
    truncate -s 64M "$BATS_TEST_TMPDIR/random"
    qemu-img convert -f raw -O qcow2 "$BATS_TEST_TMPDIR/random" "$NIX_DISK_IMAGE"
    boot_as_is unknown-root
    fails unknown-root '/dev/vda.*not blank'
    qemu-img compare -f raw -F qcow2 "$BATS_TEST_TMPDIR/random" "$NIX_DISK_IMAGE"
}
