#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Faults of virtiofsd, the server of a share: each is named, ends the start, and leaves nothing behind.
# QEMU is the real one; its machine never starts, because QEMU connects to the servers before that.
# shellcheck disable=SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # scripts are not expanded here

bats_require_minimum_version 1.5.0

load start

setup_file() {
    # the directories that run-vm itself searches, and PATH
    SERVERS=$(ls /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd 2>/dev/null || true)
    SERVERS+=" $(command -v virtiofsd || true)"
    KERNEL=$BATS_FILE_TMPDIR/kernel
    python3 "$BATS_TEST_DIRNAME/small-kernel" 1000 >"$KERNEL"
    export SERVERS KERNEL
}

# A start with a share on virtiofs, with real programs; its messages are in the file stderr.
start_shared() {
    ln -sfn "$(command -v qemu-system-x86_64)" qemu/bin/qemu-kvm
    mkdir -p shared
    rm -f pid
    QEMU_OPTS=-S timeout -k 30 300 sh -c 'echo $$ >pid && exec "$@"' sh "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
        --modules-dir "$modules" --init /init --guest-init system/guest-init --accel tcg -o virtualisation.diskSize=8 \
        -o "virtualisation.qemu.package=$PWD/qemu" -o virtualisation.graphics=false \
        -o virtualisation.memorySize=64 -o virtualisation.sharedDirectories=\
'{"own":{"_type":"override","priority":50,"content":{"source":"'"$PWD"'/shared","target":"/own"}}}' \
        -o runVm.shares.own.transport=virtiofs "$@" </dev/null >stdout 2>stderr
}

# The same, in a mount namespace in which every virtiofsd is this script, or a file that cannot be
# executed.
start_with_server() {
    local thing=/dev/null
    if [ "$1" != none ]; then
        thing=$HOME/virtiofsd
        printf '#!/bin/sh\n%s\n' "$1" >"$thing"
        chmod +x "$thing"
    fi
    export -f start_shared
    export modules thing
    unshare -rm bash -uc 'for server in $SERVERS; do mount --bind "$thing" "$server"; done
        start_shared'
}

# Succeeds if QEMU has made its machine.
qemu_runs() {
    (cd "$TMPDIR"/nix-vm.*/ && exec python3 -c 'import socket
monitor = socket.socket(socket.AF_UNIX)
monitor.connect("run-vm.qmp")
monitor.send(b"""{"execute": "qmp_capabilities"}""")
while b"return" not in monitor.recv(4096): pass')
} 2>/dev/null

# Prints the process IDs of this test's virtiofsd, which is two processes.
kill_server() {
    local servers
    mapfile -t servers < <(pgrep -f "virtiofsd .*=$BATS_TEST_TMPDIR/caller/shared")
    kill -KILL "${servers[@]}"
}

nothing_is_left() {
    [ -z "$(ls -A "$TMPDIR")" ]
    until_true no_process
}
no_process() {
    ! pgrep -f "$BATS_TEST_TMPDIR/caller/shared"
}

@test "a missing virtiofsd is named with its package" {
    run -69 start_with_server none
    [[ $(cat stderr) == *"virtiofsd: not found"*"package"* ]]
    [ ! -e nixos.qcow2 ]
    nothing_is_left
}

@test "QEMU's own virtiofsd is refused to an ordinary user in the same words under any name" {
    local qemus=/usr/lib/qemu/virtiofsd program
    [ -e "$qemus" ] || skip "no $qemus"
    cp "$qemus" copy
    export -f start_shared
    export modules
    for program in "$qemus" "$PWD/copy"; do
        run -69 unshare --user --map-user=1000 bash -uc 'start_shared -o runVm.virtiofsd="$1"' bash "$program"
        cat stderr
        grep -F "$program is QEMU's own virtiofsd, which serves root only; install" stderr
        nothing_is_left
    done
}

# QEMU has no server to connect to (1), unless run-vm ends it before it tries to (74).
has_failed() {
    [ "$status" = 1 ] || [ "$status" = 74 ]
}

@test "a virtiofsd that ends before it serves: what became of it, and its words" {
    run start_with_server 'echo "no luck today" >&2; exit 5'
    cat stderr
    has_failed
    grep "virtiofsd for $PWD/shared: failed with exit status 5" stderr
    grep "virtiofsd: no luck today" stderr
    nothing_is_left
    run start_with_server 'kill -KILL $$'
    has_failed
    grep "virtiofsd for $PWD/shared: killed by signal 9" stderr
    nothing_is_left
    # QEMU has connected and waits for an answer
    run start_with_server 'sleep 1; kill -KILL $$'
    has_failed
    grep "virtiofsd for $PWD/shared: killed by signal 9" stderr
    nothing_is_left
}

@test "a virtiofsd that says nothing does not keep run-vm from ending" {
    local asked expected started status
    # when it is asked for its options, and when it should serve
    for asked in --help:143 --none:137; do
        expected=${asked#*:} status=0
        rm -f started
        start_with_server '[ "$1" = --help ] && [ '"${asked%:*}"' != --help ] && exit
            echo >"$CALLER/started"; exec tail -f /dev/null' 3>&- &
        started=$!
        until_true test -e started
        kill -TERM "$(cat pid)"
        wait "$started" || status=$?
        cat stderr
        [ "$status" = "$expected" ]
        nothing_is_left
    done
}

@test "a virtiofsd that is killed while QEMU runs is named, and the machine is ended" {
    start_shared 3>&- &
    started=$!
    until_true qemu_runs
    kill_server
    until_true grep -qs 'powering the guest down' stderr
    # a stopped machine does not react to its power button
    kill -TERM "$(cat pid)"
    wait "$started" || status=$?
    cat stderr
    [ "$status" = 74 ]
    grep "virtiofsd for $PWD/shared: killed by signal 9" stderr
    grep "virtiofsd for $PWD/shared: exited before QEMU" stderr
    nothing_is_left
}

@test "a virtiofsd that is killed while a command runs is named, and QEMU ends at once" {
    start_shared --exec true 3>&- &
    started=$!
    until_true qemu_runs
    kill_server
    wait "$started" || status=$?
    cat stderr
    [ "$status" = 125 ]
    grep "virtiofsd for $PWD/shared: exited before QEMU" stderr
    grep 'true: no exit status' stderr
    nothing_is_left
}
