#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Output reaches its reader, or the failure is reported; it contains no control sequence for a terminal.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

@test "what cannot be printed fails with a message, on a full output and on a closed one" {
    qemu 'exit 0'
    run -0 run_vm
    [ -n "$(entries initrd)" ]
    for words in --help --version "--help --version" "cache list" "cache --help" cache "cache prune"; do
        # shellcheck disable=SC2086 # words
        for output in /dev/full closed; do
            if [ "$output" = closed ]; then
                run -74 --separate-stderr bash -c 'exec "$@" >&-' bash "$RUN_VM_PROGRAM" $words
            else
                run -74 --separate-stderr bash -c 'exec "$@" >/dev/full' bash "$RUN_VM_PROGRAM" $words
            fi
            [[ $stderr == "run-vm: standard output: cannot be written: "* ]]
        done
        # shellcheck disable=SC2086
        run -0 --separate-stderr "$RUN_VM_PROGRAM" $words
        [ -z "$stderr" ]
    done
    for format in text json; do
        run -74 bash -c 'exec "$@" >&-' bash "$RUN_VM_PROGRAM" --kernel system/kernel --dry-run=$format \
            --guest-init system/guest-init
        [[ $output == *"standard output: cannot be written: Bad file descriptor"* ]]
        run -74 bash -c 'exec "$@" >/dev/full' bash "$RUN_VM_PROGRAM" --kernel system/kernel \
            --dry-run=$format --guest-init system/guest-init
        [[ $output == *"standard output: cannot be written"* ]]
    done
    # a start needs no standard output
    run_vm >&-
}

# unseen: $output contains no control sequence.
unseen() {
    [ -n "$output" ]
    [ -z "$(LC_ALL=C tr -d '[:print:]\n\t' <<<"$output")" ]
}

@test "escape sequences of keys, values and names reach no terminal" {
    local escape=$'\e]0;title\a\e[2J\r\b\x9b2J'
    jq -n --arg key $'x\e[2J\u009b2J\r' '{virtualisation: {($key): 1, qemu: {($key): 1}}, ($key): {a: 2}}' >key.json
    run ! "$RUN_VM_PROGRAM" --config key.json --kernel system/kernel --dry-run
    unseen
    for words in "--config=$escape.json" "--kernel=$escape" "--$escape" "$escape" "-o$escape=1" \
        "--root-dir=/$escape" "--dry-run=$escape"; do
        run ! "$RUN_VM_PROGRAM" "$words" --guest-init system/guest-init
        unseen
    done
    printf '{"a": "\e[2J' >broken.json
    run ! "$RUN_VM_PROGRAM" --config broken.json
    unseen
    run ! "$RUN_VM_PROGRAM" cache "$escape"
    unseen
    cp system/kernel "$escape"
    NIX_DISK_IMAGE=$escape.qcow2 run -0 "$RUN_VM_PROGRAM" --kernel "$escape" --dry-run --accel tcg \
        --guest-init system/guest-init
    unseen
    # a shell still reads the same arguments
    eval "set -- ${output//$'\n'/ }"
    [[ " $* " == *"$escape"* ]]
}

@test "virtiofsd's last words are cleaned, and its log is no link" {
    mkdir kept share
    printf '#!/bin/sh\nprintf "\\033[2J\\033]0;x\\007last words\\n" >&2\nexit 3\n' >virtiofsd
    chmod +x virtiofsd
    echo precious >precious
    export TMPDIR=$PWD/kept USE_TMPDIR=1 PATH=$PWD:$PATH
    qemu 'ls "$TMPDIR" >"$CALLER/listing"; exec sleep 1'
    run run_vm -o runVm.transport=virtiofs
    log=$(grep -m 1 '\.log$' listing)
    for make in "ln -s" ln; do
        rm "kept/$log"
        $make "$PWD/precious" "kept/$log"
        run run_vm -o runVm.transport=virtiofs
        [ "$(cat precious)" = precious ]
        [[ $output == *'\x1b[2J'*"last words"* ]]
        unseen
    done
}
