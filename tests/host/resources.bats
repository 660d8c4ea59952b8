#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Limits on memory and file sizes, and a caller whose umask lets no other user read.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# run_limited OPTION LIMIT: a start of everything under `ulimit OPTION LIMIT`.
run_limited() {
    run bash -c 'ulimit "$1" "$2"; start_all' bash "$1" "$2"
    [ -z "$(leftovers "$XDG_CACHE_HOME" "$TMPDIR" "$CALLER" 2>/dev/null)" ]
    [ "$status" = 0 ] || [[ $output == *"run-vm: "* ]]
    # no signal ends run-vm itself; a tool that one ends is named
    [ "$status" -lt 128 ] || [[ $output == *"killed by signal"* ]]
}

@test "memory that runs out is said, and leaves nothing half made" {
    everything
    remember_nix_store
    rm -rf "$XDG_CACHE_HOME" ./*.qcow2
    local limit failures=0 cases=0
    for ((limit = 16000; limit < 90000; limit += 2900)); do
        run_limited -v "$limit"
        cases=$((cases + 1))
        echo "$limit $status" >>statuses
        [ "$status" = 0 ] || failures=$((failures + 1))
        rm -rf "$XDG_CACHE_HOME" ./*.qcow2
    done
    [ "$failures" -gt 5 ]
    echo "# host faults, memory: $cases cases, $failures starts refused, 0 failures" >&3
}

@test "a kernel or module that there is no memory for is named" {
    everything
    truncate -s 400M "$modules/kernel/virtio_blk.ko"
    run_limited -v 200000
    [ "$status" = 74 ]
    [[ $output == *"virtio_blk.ko: no memory for 400 MiB"* ]]
}

@test "small things that there is no memory for end with a status of their own" {
    local limit ended=0
    # a configuration that needs more memory than the program's own start
    jq -n '[range(60000) | {key: "k\(.)", value: [{}, "v"]}] | from_entries | {other: .}' >many.json
    for ((limit = 12000; limit < 40000; limit += 2000)); do
        run bash -c 'ulimit -v "$1"; "$RUN_VM_PROGRAM" --config many.json --kernel "$CALLER/system/kernel" \
            --guest-init system/guest-init --dry-run' bash "$limit"
        [ "$status" -lt 128 ]
        if [ "$status" = 71 ]; then
            [[ $output == *"run-vm: out of memory"* ]]
            ended=$((ended + 1))
        fi
    done
    [ "$ended" -gt 2 ]
}

@test "a limit of the size of files is named" {
    everything
    remember_nix_store
    rm -rf "$XDG_CACHE_HOME" ./*.qcow2
    local limit
    for limit in 0 1 8 100 300 500; do
        run_limited -f "$limit"
        [ "$status" != 0 ]
        [[ $output == *"oo large"* || $output == *"signal 25"* || $output == *"cannot be made"* ]]
        rm -rf "$XDG_CACHE_HOME" ./*.qcow2
    done
    # QEMU has the default action of SIGXFSZ, which run-vm itself ignores
    qemu 'kill -XFSZ $$; exit 3'
    run start_all
    [ "$status" = 153 ]
}

@test "a umask that keeps others out is kept" {
    everything
    umask 077
    for efi in "" true; do
        firmware=$efi TMPDIR=$PWD/kept.$efi USE_TMPDIR=1 run -0 start_all
    done
    [ -f vars.fd ]
    [ -f kept.true/xchg/registration ]
    run find disk.qcow2 vars.fd kept.* "$XDG_CACHE_HOME" ! -type l -perm /077 ! -path '*/run-vm/*/*'
    [ -z "$output" ]
    umask 022
    rm -rf kept.* vars.fd
    firmware=true run -0 start_all
    [ "$(stat -c %a vars.fd)" = 644 ]
}
