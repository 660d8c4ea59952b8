#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Waiting while a start is prepared: a termination signal ends run-vm, which leaves no incomplete file;
# a FIFO in place of a file is refused.
# shellcheck disable=SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# comes COMMAND...: the command succeeds while the start runs.
comes() {
    while_runs "$pid" "$@" || { cat stderr; return 1; }
}

# ends_by SIGNAL: the start ends soon, prints the reason, and leaves nothing.
ends_by() {
    local status=0
    kill -"$1" "$pid"
    timeout "${2:-60}" tail --pid="$pid" -f /dev/null || {
        kill -KILL "$pid"
        return 1
    }
    wait "$pid" || status=$?
    cat stderr
    [ "$status" = $((128 + $(kill -l "$1"))) ]
    grep -q "signal $(kill -l "$1") " stderr
    [ ! -e started-qemu ]
    [ -z "$(leftovers "$TMPDIR" "$XDG_CACHE_HOME" .)" ]
}

# Starts run-vm in the background as a shell with job control does: SIGINT is not ignored.
begin() {
    rm -f started-qemu tool-started
    set -m
    START_BY="exec" start_all "$@" 2>stderr 3>&- &
    pid=$!
    set +m
}

# tool NAME SCRIPT: replaces the program by a script, which first reports that it has been started.
tool() {
    printf '#!/bin/sh\n: >%q\n%s\n' "$PWD/tool-started" "$2" >"$1.new"
    chmod +x "$1.new"
    mv "$1.new" "$1"
}

hangs='exec sleep 600 3>&-'
is_deaf='trap "" HUP INT TERM; exec sleep 600 3>&-'
# its child inherits its standard output and outlives it
has_child='sleep 100 3>&- 2>/dev/null & wait'

@test "a signal ends a start that waits for a lock of the cache" {
    everything
    start_all
    for signal in TERM INT HUP; do
        rm -rf "$XDG_CACHE_HOME"/run-vm/[a-k]*
        mkfifo locked
        python3 - "$XDG_CACHE_HOME/run-vm/locks" 3>&- <<'END' &
import fcntl, os, signal, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.lockf(file, fcntl.LOCK_EX)
open("locked", "w").close()
signal.pause()
END
        locker=$!
        : <locked
        rm locked
        begin
        comes sh -c "ls -l /proc/$pid/fd | grep -q /locks"
        ends_by "$signal"
        kill -KILL "$locker"
    done
    start_all
}

@test "a signal ends a start that waits for a program, also for one that does not care" {
    everything
    mkdir bin
    export PATH=$PWD/bin:$PATH store_image=file
    for program in bin/nix-store bin/mkfs.erofs qemu/bin/qemu-img; do
        for script in "$hangs" "$has_child" "$is_deaf"; do
            # takes some seconds
            [[ $program != *mkfs* || $script != "$is_deaf" ]] || continue
            echo "$program: $script"
            rm -rf "$XDG_CACHE_HOME" disk.qcow2
            tool "$program" "$script"
            begin
            comes test -e tool-started
            ends_by TERM 40
        done
        rm "$program"
        ln -s "$(command -v qemu-img)" qemu/bin/qemu-img 2>/dev/null || true
    done
    # a second signal ends it at once
    tool bin/mkfs.erofs "$is_deaf"
    for _ in 1 2 3; do # a busy machine may take seconds for anything
        begin
        comes test -e tool-started
        kill -TERM "$pid"
        comes sh -c "! grep -q '^ShdPnd:.*4...\$' /proc/$pid/status"
        began=${EPOCHREALTIME/[.,]/}
        ends_by TERM
        took=$((${EPOCHREALTIME/[.,]/} - began))
        echo "$took microseconds"
        [ "$took" -ge 3000000 ] || break
    done
    [ "$took" -lt 3000000 ]
}

# refused NAME OPTION...: run-vm refuses the FIFO by name, and makes nothing.
refused() {
    local name=$1 status=0
    shift
    timeout -s KILL 60 bash -uc 'start_all "$@"' bash "$@" 2>stderr || status=$?
    cat stderr
    [ "$status" = 74 ] || [ "$status" = 65 ]
    grep -q "$name" stderr
    [ -z "$(leftovers "$TMPDIR" "$XDG_CACHE_HOME" .)" ]
}

@test "a FIFO where a file should be is refused with its name" {
    everything
    local file
    for file in "$PWD"/system/{kernel,variables,guest-init} "$modules"/kernel/virtio_blk.ko \
        "$modules"/modules.{dep.bin,alias.bin}; do
        mv "$file" "$file.away"
        mkfifo "$file"
        export firmware=
        [[ $file != */variables ]] || firmware=true
        refused "$(basename "$file")"
        rm "$file"
        mv "$file.away" "$file"
    done
}

@test "a signal ends a start that reads its configuration from a FIFO" {
    everything
    mkfifo nobody.json
    begin --config nobody.json
    # wait until the shell has become run-vm: it sleeps, too
    comes [ "/proc/$pid/exe" -ef "$RUN_VM_PROGRAM" ]
    comes grep -q '^State:.S' "/proc/$pid/status"
    kill -TERM "$pid"
    timeout 60 tail --pid="$pid" -f /dev/null
}
