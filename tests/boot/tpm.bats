#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The guest's TPM: swtpm, which run-vm starts before QEMU and stops after it, and its state, which lasts.
# shellcheck disable=SC2016 # scripts expand their own variables

load harness
load command

setup_file() {
    make_root
    make_guest
    cd "$BATS_FILE_TMPDIR" || return
    # provisions the TPM: a value at an index of its memory
    printf '#!/bin/sh
echo "$TPM2TOOLS_TCTI" >>%q
tpm2_nvdefine -Q 0x1000001 -C o -s 7 -a "ownerread|ownerwrite" &&
    printf lasting | tpm2_nvwrite -Q 0x1000001 -C o -i -\n' "$PWD/provisioned" >provision
    chmod +x provision
    export NIX_SWTPM_DIR=$BATS_FILE_TMPDIR/state,1 DISK="-o virtualisation.emptyDiskImages=[64]"
    OPTIONS="-o virtualisation.tpm.enable=true -o virtualisation.tpm.provisioning=$PWD/provision $DISK"
    export OPTIONS
}

# runs: a swtpm with this file's state, which is its directory, is running.
runs() {
    local pid
    for pid in $(pgrep -x swtpm); do # of this test, or of any other
        [ "$(readlink "/proc/$pid/cwd")" != "$NIX_SWTPM_DIR" ] || return 0
    done
    return 1
}

# in_state COMMAND...: runs a client of a TPM with a copy of the state.
in_state() {
    local tpm=$BATS_TEST_TMPDIR/tpm
    mkdir "$tpm"
    cp "$NIX_SWTPM_DIR/tpm2-00.permall" "$tpm"
    swtpm socket --tpm2 --tpmstate dir="$tpm" --flags not-need-init,startup-clear \
        --server type=unixio,path="$tpm/s" --ctrl type=unixio,path="$tpm/s.ctrl" --daemon --pid file="$tpm/pid"
    TPM2TOOLS_TCTI=swtpm:path=$tpm/s "$@"
    kill "$(cat "$tpm/pid")"
}

@test "the guest has a TPM beside its disks, and powers down; the TPM is provisioned once" {
    ends 0 sh -c 'cat /sys/class/tpm/tpm0/tpm_version_major; ls /dev/tpm0 /dev/vda'
    [ "$(tr -d '\r' <"$BATS_TEST_TMPDIR/out")" = $'2\n/dev/tpm0\n/dev/vda' ]
    [ "$(wc -l <provisioned)" = 1 ]
    run ! runs
    [ "$(stat -c %a "$NIX_SWTPM_DIR")" = 700 ]
    [ "$(ls -A "$NIX_SWTPM_DIR")" = $'.lock\ntpm2-00.permall' ]
    [ "$(in_state tpm2_nvread 0x1000001 -C o)" = lasting ]
}

@test "the next start has the same TPM, which no other start may use; a killed one leaves no swtpm" {
    local input
    mkfifo "$BATS_TEST_TMPDIR/input"
    exec {input}<>"$BATS_TEST_TMPDIR/input"
    OPTIONS+=" -o virtualisation.tpm.deviceModel=tpm-crb" \
        guest sh -c 'cat /sys/class/tpm/tpm0/tpm_version_major; read line' >out 2>err <&"$input" 3>&- &
    local guest=$!
    wait_for out 2 "$guest"
    runs
    ends 74 true
    says "$BATS_TEST_TMPDIR/err" "$NIX_SWTPM_DIR: in use by another run-vm; .* a directory \(NIX_SWTPM_DIR\) of its own"
    pkill -KILL -P "$guest" # the child of timeout: run-vm
    wait "$guest" || true
    has_stopped() { ! runs; }
    until_true has_stopped
    [ "$(wc -l <provisioned)" = 1 ]
    [ "$(in_state tpm2_nvread 0x1000001 -C o)" = lasting ]
}
