# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2119,SC2120,SC2030,SC2031,SC2154
# Faults of the host while a start is prepared: every system call in turn fails, or is the last one
# before a SIGKILL. The start either works or names the fault; no incomplete file is used, no existing
# file is changed, and the next start works.

load start

# Tries one call in STEP; with RUN_VM_LONG every call, some 1,500 cases.
STEP=${RUN_VM_LONG:+1}
STEP=${FAULT_STEP:-${STEP:-60}}

# The state before each case: an empty cache and a disk image.
begin() {
    rm -rf "$XDG_CACHE_HOME" "$TMPDIR" empty
    mkdir "$TMPDIR" empty
    export images=$PWD/images
    find images -mindepth 1 ! -name disk.qcow2 -delete
}

# Writes how often a start makes each call: "COUNT NAME" lines.
count_calls() {
    begin
    start_under strace -o "$HOME/trace" -e signal=none
    sed -nE 's/^([a-z0-9_]+)\(.*/\1/p' "$HOME/trace" | sort | uniq -c >"$HOME/calls"
}

start_under() {
    local program=$RUN_VM_PROGRAM
    printf '#!/bin/bash\nexec timeout -s KILL 60 %s %q "$@"\n' "$(printf '%q ' "$@")" "$program" >under
    chmod +x under
    RUN_VM_PROGRAM=$PWD/under start_all 2>"$HOME/stderr"
}

failed() {
    echo "$*"
    cat "$HOME/stderr"
    failures=$((failures + 1))
}

# Fails unless every file that the start used is complete: its sums are in `good`.
is_good() {
    [ "$(wc -l <"$HOME/sums")" = "$(wc -l <sums)" ] && ! grep -vxFf good "$HOME/sums"
}

# After a fault: existing files are unchanged, and the next start works.
check_next() {
    sha256sum --quiet -c disk.sum || failed "$1: the disk image was changed"
    start_all 2>"$HOME/stderr" || failed "$1: the next start fails"
    cmp -s "$HOME/sums" sums || failed "$1: the next start uses something else"
    sha256sum --quiet -c disk.sum || failed "$1: the next start has changed the disk image"
}

# Runs a start in which strace injects INJECTED into the Nth CALL.
inject() {
    local call=$1 injected=$2 n=$3 status=0
    begin
    start_under strace -o /dev/null -e "trace=$call" -e "inject=$call:$injected:when=$n" || status=$?
    cases=$((cases + 1))
    local name="$call $n $injected"
    if [ "$status" = 0 ]; then
        is_good || failed "$name: something else is used"
    elif [[ $injected == error=* ]]; then
        # before main() the message is the loader's, and one of them has no colon
        grep -qE ': |^cannot allocate TLS' "$HOME/stderr" || failed "$name: status $status without a reason"
        case $call in
            unlink | unlinkat | getdents64 | newfstatat | openat | fcntl) ;;
            *) [ -z "$(leftovers "$TMPDIR" images "$XDG_CACHE_HOME")" ] ||
                failed "$name: left: $(leftovers "$TMPDIR" images "$XDG_CACHE_HOME")" ;;
        esac
    fi
    check_next "$name"
}

prepare_campaign() {
    everything
    mkdir images
    export images=$PWD/images
    [ ! "$firmware" ] || export firmware
    remember_nix_store
    # the disk is not blank: a blank one gets a new stamp at each start
    qemu-io -f qcow2 -c 'write -P 1 1M 64k' images/disk.qcow2 >/dev/null
    sha256sum images/disk.qcow2 >disk.sum
    cp "$HOME/sums" sums
    begin
    printf '#!/bin/sh\nexit 1\n' >bin/strip
    chmod +x bin/strip
    start_all
    rm bin/strip
    # also good: modules that were not stripped, a kernel that was not unpacked
    { cat sums "$HOME/sums" && sha256sum <system/kernel; } >good
    cases=0 failures=0
    count_calls
}

count_of() {
    awk -v call="$1" '$2 == call { print $1 }' "$HOME/calls"
}
