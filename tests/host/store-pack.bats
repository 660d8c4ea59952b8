#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The pack of store paths under what can happen to its writers: SIGKILL at any instant, several at once,
# a full disk. Every image is what the store has, and no piece is lost, twice, or where another is.
# shellcheck disable=SC2016,SC2119,SC2120 # QEMU's script is not expanded here

load start

PATHS=24

# Makes a store of PATHS paths.
make_store() {
    export store=$BATS_TEST_TMPDIR/root
    local i name
    for ((i = 0; i < PATHS; i++)); do
        mkdir -p "$store/nix/store/$i-p/share"
        yes "the text of $i" | head -c $((i * 9001 + 100)) >"$store/nix/store/$i-p/share/file"
        for name in a b c d; do
            echo "$i $name" >"$store/nix/store/$i-p/share/$name"
        done
    done
}

# start CLOSURE NUMBER...: starts with an image of these paths, which QEMU keeps as CLOSURE.raw.
start() {
    local closure=$1
    shift
    mkdir -p "$store/nix/store/$closure-list"
    printf '/nix/store/%s-p\n' "$@" >"$store/nix/store/$closure-list/store-paths"
    CLOSURE=$closure run_vm -o "runVm.store=\"$store\"" -o virtualisation.useNixStoreImage=true \
        -o virtualisation.writableStore=false -o "system.build.storeClosure=/nix/store/$closure-list"
}

# same CLOSURE NUMBER...: what the guest could read is what the store has of these paths.
same() {
    local closure=$1 number
    shift
    rm -rf seen
    fsck.erofs --extract=seen "$closure.raw" >/dev/null
    [ "$(find seen -mindepth 1 -maxdepth 1 ! -name .links | wc -l)" = $# ]
    for number; do
        diff -r "$store/nix/store/$number-p" "seen/$number-p"
    done
}

# The pieces are in order, apart from each other, and each path has one.
index_is_good() {
    local index=$XDG_CACHE_HOME/run-vm/storepack/index
    [ -z "$(sed 1d "$index" | sed 's/.* //' | sort | uniq -d)" ]
    sed 1d "$index" | awk '$2 < end { exit 1 } { end = $2 + $3 }'
}

# pick: sets `numbers` to a quarter of the paths, 0 among them.
pick() {
    mapfile -t numbers < <(for ((i = 1; i < PATHS; i++)); do ((RANDOM % 4)) || echo $i; done)
    numbers+=(0)
}

prepare() {
    qemu '"$CALLER/qemu/bin/qemu-img" convert -f qcow2 -O raw store.img "$CALLER/$CLOSURE.raw"'
    make_store
}

@test "killed writers leave a pack that is whole" {
    prepare
    local program=$RUN_VM_PROGRAM
    touch kills
    chmod +x kills
    kills=${RUN_VM_LONG:+1000}
    RANDOM=5
    for ((n = 0, killed = 0; n < ${kills:-100}; n++)); do
        pick
        # the instant of the kill, which is any
        printf '#!/bin/sh\nexec timeout -s KILL 0.%03d %q "$@"\n' $((RANDOM % 150)) "$program" >kills
        RUN_VM_PROGRAM=$PWD/kills start one "${numbers[@]}" >/dev/null 2>&1 || killed=$((killed + 1))
        ((n % 20)) || { start one "${numbers[@]}"; same one "${numbers[@]}"; index_is_good; }
    done
    index_is_good
    echo "# host faults, killed writers of the pack: $n cases, $killed killed, 0 failures" >&3
    [ "$killed" -ge 10 ]
}

@test "three writers at once share the pack" {
    prepare
    for _ in {1..5}; do
        rm -rf "$XDG_CACHE_HOME"
        for i in 1 2 3; do
            (start "of$i" 1 2 $((i + 3)) $((i + 10)) >"out$i" 2>&1) 3>&- &
            started[i]=$!
        done
        for i in 1 2 3; do
            wait "${started[i]}" || { cat "out$i"; false; }
            same "of$i" 1 2 $((i + 3)) $((i + 10))
        done
        index_is_good
        [ "$(sed 1d "$XDG_CACHE_HOME/run-vm/storepack/index" | wc -l)" = 8 ]
    done
}

@test "a path of many small files, some of them also names of one file, is read as it is" {
    prepare
    local path=$store/nix/store/0-p many=${RUN_VM_LONG:+100000}
    mkdir "$path/many"
    (cd "$path/many" && seq "${many:-5000}" | split -l 1 -a 4 - file- && ln file-aaaa file-link)
    start one 0
    same one 0
    [ "$(find seen/0-p/many -type f | wc -l)" = $((${many:-5000} + 1)) ]
}
