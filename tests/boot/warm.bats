#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # the guest's shell expands; bats sets stderr
# run-vm --warm: commands in machines that continue from a snapshot. The tests share one snapshot, in a
# cache of their own, until one of them has it dropped.

load harness
load command

setup_file() {
    make_root
    make_guest
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache OPTIONS='--warm --accel tcg' # KVM has no snapshots
    # A QEMU that is given a state exits if the file "broken" exists, and is another machine if that has a
    # type.
    export BROKEN=$BATS_FILE_TMPDIR/broken
    cat >"$BATS_FILE_TMPDIR/bin/qemu-system-x86_64" <<END
#!/bin/sh
for word; do
    [ -e "$BROKEN" ] && [ "\$word" = -incoming ] || continue
    [ -s "$BROKEN" ] || exit 9
    set -- "\$@" -machine "type=\$(cat "$BROKEN")"
    break
done
exec "$(command -v qemu-system-x86_64)" "\$@"
END
    chmod +x "$BATS_FILE_TMPDIR/bin/qemu-system-x86_64"
}

# warm FILE: run-vm, whose standard error is in FILE, has continued from a snapshot that was there.
warm() {
    run ! grep -E 'making|cold start' "$1"
}

# What no two guests may have in common, a line each.
TELL='cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | md5sum; cat /sys/class/net/eth0/address'

@test "the first start makes a snapshot; the second continues from it, and is a machine like any other" {
    ends 7 sh -c 'echo to errors >&2; uname -n; exit 7'
    says "$BATS_TEST_TMPDIR/err" 'making a snapshot'
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = root ]

    local status=0
    echo "from the host" | guest sh -c 'cat; echo to errors >&2; uname -n; exit 7' \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = 7 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "from the host"$'\n'root ]
    says "$BATS_TEST_TMPDIR/err" '^to errors$'
    warm "$BATS_TEST_TMPDIR/err"
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
        warm "$BATS_TEST_TMPDIR/err$i"
        says "$BATS_TEST_TMPDIR/out$i" '10\.0\.2\.15/24'
        line=$(sed -n 4p "$BATS_TEST_TMPDIR/out$i")
        ((line >= before && line <= $(date +%s) + 1)) # the clock is the host's
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
    warm "$BATS_TEST_TMPDIR/err"
    cp -a "$ROOT" "$other"
    echo other >"$other/root/word"
    ROOT=$other ends 0 cat /root/word
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = other ]
    warm "$BATS_TEST_TMPDIR/err"
}

@test "output whose reader has gone ends the command as in a machine that boots" {
    local status=0
    timeout "$TIME_LIMIT" bash -c 'set -o pipefail; guest yes </dev/null | head -1' \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = y ]
    [ "$status" = 141 ] # yes got SIGPIPE
    warm "$BATS_TEST_TMPDIR/err"
    # gone before the run begins
    status=0
    guest yes </dev/null 2>"$BATS_TEST_TMPDIR/err" > >(:) || status=$?
    [ "$status" = 141 ]
    warm "$BATS_TEST_TMPDIR/err"
}

@test "other kernel parameters are another machine; a making that is ended leaves nothing, and runs nothing" {
    local before pid status=0 making=$BATS_TEST_TMPDIR/making
    before=$(ls "$XDG_CACHE_HOME/run-vm")
    : >"$making"
    export OPTIONS='--warm --accel tcg --append word=1'
    guest sh -c 'echo ran' </dev/null >"$BATS_TEST_TMPDIR/ran" 2>"$making" &
    pid=$!
    wait_for "$making" 'making a snapshot' "$pid"
    OPTIONS+=' --timeout 1'
    ends 124 true # boots, and does not wait for the other's snapshot
    says "$BATS_TEST_TMPDIR/err" 'cold start: .*another run-vm makes it'
    kill -TERM "$pid"
    wait "$pid" || status=$?
    [ "$status" = 143 ]
    [ ! -s "$BATS_TEST_TMPDIR/ran" ]
    [ "$(ls "$XDG_CACHE_HOME/run-vm")" = "$before" ]

    # the time limit covers the making
    ends 124 sh -c 'echo ran'
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    [ "$(ls "$XDG_CACHE_HOME/run-vm")" = "$before" ]
}

# broken MESSAGE: with the file "broken" the start is cold, with the message.
broken() {
    ends 3 sh -c 'echo ran; exit 3'
    rm "$BROKEN"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = ran ]
    [ "$(grep -c 'cold start: ' "$BATS_TEST_TMPDIR/err")" = 1 ]
    says "$BATS_TEST_TMPDIR/err" "$1"
    run ! grep making "$BATS_TEST_TMPDIR/err"
}

@test "a QEMU that exits before it loads the snapshot makes the start cold, and the snapshot stays" {
    touch "$BROKEN"
    broken 'cold start: QEMU exited with status 9'
    ends 0 true
    warm "$BATS_TEST_TMPDIR/err"
}

@test "a snapshot that cannot be loaded is dropped, and the start is cold once" {
    echo pc >"$BROKEN"
    broken 'cold start: the snapshot is dropped: '

    ends 0 true
    says "$BATS_TEST_TMPDIR/err" 'making a snapshot'
    run ! grep 'cold start' "$BATS_TEST_TMPDIR/err"
}

@test "a snapshot whose files were changed is not used, but made anew" {
    [ -n "${RUN_VM_LONG:-}" ] || skip "RUN_VM_LONG is not set"
    dd if=/dev/zero of="$(echo "$XDG_CACHE_HOME"/run-vm/snapshot-*/memory)" bs=1M count=64 conv=notrunc status=none
    ends 0 true
    says "$BATS_TEST_TMPDIR/err" 'making a snapshot'
    run ! grep 'cold start' "$BATS_TEST_TMPDIR/err"
    ends 0 true
    warm "$BATS_TEST_TMPDIR/err"
}

# on_disk NAME COMMAND: runs the shell's COMMAND in a machine whose root is the disk NAME.img.
on_disk() {
    timeout --foreground --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" --modules-dir "$MODULES" \
        --config "$BATS_TEST_TMPDIR/config" -o virtualisation.diskImage="$BATS_TEST_TMPDIR/$1.img" \
        --warm --accel tcg --exec sh -c "$2" </dev/null >"$BATS_TEST_TMPDIR/$1.out" 2>"$BATS_TEST_TMPDIR/$1.err"
}

# in_use IMAGE: a QEMU has it open for writing.
in_use() {
    ! qemu-io -f raw -c quit "$1" 2>"$BATS_TEST_TMPDIR/in-use"
}

@test "each machine of a snapshot has a disk of its own, of which the snapshot knows nothing" {
    local name size=32 pid append='cat /root/word; echo more >>/root/word; cat /sys/class/block/vda/size'
    cat >"$BATS_TEST_TMPDIR/config" <<'END'
{"virtualisation": {"mountHostNixStore": false, "writableStore": false,
    "sharedDirectories": {"_type": "override", "priority": 50, "content": {}}}}
END
    for name in a b; do
        echo "the word of $name" >"$ROOT/root/word"
        truncate -s $((size += 8))M "$BATS_TEST_TMPDIR/$name.img"
        mke2fs -q -t ext4 -d "$ROOT" "$BATS_TEST_TMPDIR/$name.img"
    done

    on_disk a "$append"
    says "$BATS_TEST_TMPDIR/a.err" 'making a snapshot'
    run ! grep -qra 'the word of' "$XDG_CACHE_HOME"
    on_disk a "$append" &
    pid=$!
    on_disk b "$append"
    wait "$pid"
    for name in a b; do
        warm "$BATS_TEST_TMPDIR/$name.err"
        e2fsck -fn "$BATS_TEST_TMPDIR/$name.img"
    done
    [ "$(cat "$BATS_TEST_TMPDIR/a.out")" = "the word of a"$'\nmore\n81920' ]
    [ "$(cat "$BATS_TEST_TMPDIR/b.out")" = "the word of b"$'\n98304' ]

    # a disk in use is not the snapshot's fault
    timeout "$TIME_LIMIT" qemu-system-x86_64 -S -nodefaults -display none \
        -drive "file=$BATS_TEST_TMPDIR/b.img,format=raw,if=virtio" &
    pid=$!
    while_runs "$pid" in_use "$BATS_TEST_TMPDIR/b.img"
    run ! on_disk b true
    says "$BATS_TEST_TMPDIR/b.err" 'cold start: .*QEMU cannot open a disk'
    kill "$pid"
    on_disk b true
    warm "$BATS_TEST_TMPDIR/b.err"
}

@test "a machine that cannot be saved starts cold, and says why" {
    [ -n "${RUN_VM_LONG:-}" ] || skip "RUN_VM_LONG is not set"
    OPTIONS='--warm --accel tcg --disk 8M --append vm.modules=virtio_blk' ends 0 cat /sys/class/block/vda/size
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = 16384 ]
    says "$BATS_TEST_TMPDIR/err" 'cold start: the kernel knows the disk /dev/vda'
}

@test "a disk that is full while a snapshot is made makes the start cold, and leaves nothing" {
    # the kernel fits, the guest's memory does not
    small='mount -t tmpfs -o size=75m small "$XDG_CACHE_HOME" && guest "$@" && ls "$XDG_CACHE_HOME/run-vm"'
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/small
    mkdir "$XDG_CACHE_HOME"
    run -0 --separate-stderr unshare --map-root-user --mount bash -ec "$small" bash echo ran </dev/null
    [ "${lines[0]}" = ran ]
    [[ $output != *snapshot* ]]
    [[ $stderr == *'cold start: '*'No space left on device'* ]]
}
