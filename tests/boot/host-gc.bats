#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Garbage collection on the host by the real Nix while a guest uses the store. The guest is paused before
# its first instruction: QEMU is what holds the paths.

load harness
load command

setup_file() {
    make_root
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export NIX_CONF_DIR=$PWD NIX_CONFIG="build-users-group ="
    unset NIX_REMOTE NIX_STORE_DIR NIX_STATE_DIR
    vm=
}

teardown() {
    [ -z "$vm" ] || kill -KILL "$vm" 2>/dev/null || true
}

store() {
    nix-store --store "$BATS_TEST_TMPDIR/store" "$@" 2>>nix.log
}

# add NAME: adds a file to the store and prints its store path.
add() {
    echo "$1" >"$1"
    store --add "$1"
}

@test "store paths that a running guest uses are no garbage, until it ends, even if it is killed" {
    used=$(add used) garbage=$(add garbage)
    before=$(find store/nix/var/nix/*roots)
    "$RUN_VM_PROGRAM" --kernel "$KERNEL" --modules-dir "$MODULES" --root-dir "$ROOT" \
        -o "runVm.store=$PWD/store" -o "virtualisation.additionalPaths=[\"$used\"]" \
        -o virtualisation.graphics=false -- -S \
        -qmp "unix:$PWD/paused,server=on,wait=off" >console 2>&1 </dev/null 3>&- &
    vm=$!
    while_runs "$vm" [ -S paused ] || { cat console && return 1; }
    qemu=$(store --gc --print-roots | sed -n "s,^/proc/\\([0-9]*\\)/environ -> $used$,\\1,p")
    [ "$(readlink "/proc/$qemu/exe")" = "$(realpath "$(type -P qemu-system-x86_64)")" ]
    store --gc
    [ -e "store$used" ]
    [ ! -e "store$garbage" ]
    # nothing was written for that, so nothing is left to remove
    [ "$(find store/nix/var/nix/*roots)" = "$before" ]
    kill -KILL "$vm"
    wait "$vm" || true
    vm=
    until_true is_gone "$qemu"
    store --gc
    [ ! -e "store$used" ]
}

@test "a garbage collection while the image of the store is made" {
    used=$(add used)
    mkdir bin
    printf '#!/bin/sh\nnix-store --store %q --gc\nexec %q "$@"\n' "$PWD/store" "$(type -P mkfs.erofs)" >bin/mkfs.erofs
    chmod +x bin/mkfs.erofs
    PATH=$PWD/bin:$PATH run -0 timeout "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" --modules-dir "$MODULES" \
        --root-dir "$ROOT" -o "runVm.store=$PWD/store" -o "virtualisation.additionalPaths=[\"$used\"]" \
        -o virtualisation.useNixStoreImage=true --exec cat "$used"
    [[ $output == *used ]]
}
