#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031 # the guest's shell expands; each test sets its own $OPTIONS
# run-vm --warm: commands in machines that continue from a snapshot. Its cache is the file's own.

load harness
load command

setup_file() {
    make_root
    make_guest
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache OPTIONS=--warm
}

# snapshots: prints the number of snapshots in the cache.
snapshots() {
    find "$XDG_CACHE_HOME/run-vm" -maxdepth 1 -name 'snapshot-*' | wc -l
}

# What no two guests may have in common, a line each.
TELL='cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | md5sum; cat /sys/class/net/eth0/address'

@test "the first start makes a snapshot; the second continues from it, and is a machine like any other" {
    ends 7 sh -c 'cat; echo to errors >&2; uname -n; exit 7'
    says "$BATS_TEST_TMPDIR/err" 'making a snapshot'
    [ "$(snapshots)" = 1 ]

    local status=0
    echo "from the host" | guest sh -c 'cat; echo to errors >&2; uname -n; exit 7' \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = 7 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "from the host"$'\n'root ]
    says "$BATS_TEST_TMPDIR/err" '^to errors$'
    run ! grep -E 'making|cold start' "$BATS_TEST_TMPDIR/err"
    [ "$(snapshots)" = 1 ]
}

@test "two machines of one snapshot at once share no random bytes, boot ID or hardware address" {
    local before line pids=() i
    before=$(date +%s)
    for i in 1 2; do
        guest sh -c "$TELL; date +%s; ip -4 -o addr show eth0" </dev/null \
            >"$BATS_TEST_TMPDIR/out$i" 2>"$BATS_TEST_TMPDIR/err$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i"
    done
    for i in 1 2; do
        run ! grep -E 'making|cold start' "$BATS_TEST_TMPDIR/err$i"
        says "$BATS_TEST_TMPDIR/out$i" '10\.0\.2\.15/24'
        line=$(sed -n 4p "$BATS_TEST_TMPDIR/out$i")
        # the clock is the host's
        ((line >= before && line <= $(date +%s) + 1))
    done
    for i in 1 2 3; do
        line=$(sed -n "${i}p" "$BATS_TEST_TMPDIR/out1")
        [ -n "$line" ]
        [ "$line" != "$(sed -n "${i}p" "$BATS_TEST_TMPDIR/out2")" ]
    done
}

@test "the tree is the run's: what is in it now, whichever tree" {
    local other=$BATS_TEST_TMPDIR/root
    echo new >"$ROOT/root/word"
    ends 0 cat /root/word
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = new ]
    cp -a "$ROOT" "$other"
    echo other >"$other/root/word"
    ROOT=$other ends 0 cat /root/word
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = other ]
    run ! grep -E 'making|cold start' "$BATS_TEST_TMPDIR/err"
}

@test "a snapshot whose files were changed is not used, but made anew" {
    local memory
    memory=$(echo "$XDG_CACHE_HOME"/run-vm/snapshot-*/memory)
    dd if=/dev/zero of="$memory" bs=1M count=64 conv=notrunc status=none
    ends 0 true
    says "$BATS_TEST_TMPDIR/err" 'making a snapshot'
    run ! grep 'cold start' "$BATS_TEST_TMPDIR/err"
    ends 0 true
    run ! grep -E 'making|cold start' "$BATS_TEST_TMPDIR/err"
}

@test "other kernel parameters are another machine; a making that is ended leaves nothing, and runs nothing" {
    local before pid status=0 err=$BATS_TEST_TMPDIR/err
    before=$(ls "$XDG_CACHE_HOME/run-vm")
    : >"$err"
    OPTIONS='--warm --append word=1' guest sh -c 'echo ran' </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$err" &
    pid=$!
    wait_for "$err" 'making a snapshot' "$pid"
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" = 143 ]
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    [ "$(ls "$XDG_CACHE_HOME/run-vm")" = "$before" ]
}

@test "where the snapshot does not answer it is dropped, and the start is cold once" {
    local qemu
    qemu=$(command -v qemu-system-x86_64)
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nfor word; do [ "$word" != -incoming ] || exit 9; done\nexec "%s" "$@"\n' "$qemu" \
        >"$BATS_TEST_TMPDIR/bin/qemu-system-x86_64"
    chmod +x "$BATS_TEST_TMPDIR/bin/qemu-system-x86_64"
    before=$(snapshots)
    PATH=$BATS_TEST_TMPDIR/bin:$PATH ends 3 sh -c 'echo ran; exit 3'
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = ran ]
    [ "$(grep -c 'cold start: ' "$BATS_TEST_TMPDIR/err")" = 1 ]
    says "$BATS_TEST_TMPDIR/err" 'cold start: the snapshot is dropped: QEMU exited with status 9'
    [ -z "$(find "$XDG_CACHE_HOME/run-vm" -name state -newer "$BATS_TEST_TMPDIR/bin/qemu-system-x86_64")" ]
}

@test "a machine that cannot be saved starts cold, and says why" {
    OPTIONS='--warm --disk 8M' ends 0 cat /sys/class/block/vda/size
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = 16384 ]
    says "$BATS_TEST_TMPDIR/err" 'cold start: the machine has a disk'
}
