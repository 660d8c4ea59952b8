#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# run-vm --exec: a command in a guest whose root is a directory with nothing but busybox.

load harness
load command

setup_file() {
    make_root
    printf '#!/bin/nowhere\n' >"$ROOT/bin/lost"
    printf 'no program' >"$ROOT/bin/text"
    chmod +x "$ROOT/bin/lost" "$ROOT/bin/text"
    musl-gcc -static -O1 -o "$ROOT/bin/port-flood" "$BATS_TEST_DIRNAME/port-flood.c"
    make_guest
}

@test "the exit status and what was written to each stream are the command's" {
    ends 7 sh -c 'echo to output; echo to errors >&2; exit 7'
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "to output" ]
    says "$BATS_TEST_TMPDIR/err" '^to errors$'
    run ! grep -q 'to output' "$BATS_TEST_TMPDIR/err"
}

@test "a command that a signal has killed: 128 and its number" {
    ends 137 sh -c 'kill -KILL $$'
}

@test "a command that there is not: 127; one that cannot be run: 126" {
    ends 127 no-such-command
    says "$BATS_TEST_TMPDIR/err" 'no-such-command: not found'
    ends 127 lost
    ends 126 text
    ends 126 /bin
    says "$BATS_TEST_TMPDIR/err" '/bin: Permission denied'
}

@test "arguments hold any bytes, and 100,000 of them" {
    local all='' long byte
    for byte in {1..255}; do
        # shellcheck disable=SC2059 # the format is the byte
        printf -v byte "\\x$(printf %x "$byte")"
        all+=$byte
    done
    long=$(head -c 75000 /dev/urandom | base64 -w 0)
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    ends 0 sh -c 'for word; do printf %s "$word" | md5sum; done' sh "$all" "$long" "" '$(reboot) "'
    # shellcheck disable=SC2016 # nobody is to expand it
    for word in "$all" "$long" "" '$(reboot) "'; do printf %s "$word" | md5sum; done \
        >"$BATS_TEST_TMPDIR/expected"
    diff "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/out"
}

@test "megabytes of any bytes go in and out unchanged, in two streams at once" {
    local input=$BATS_TEST_TMPDIR/input
    head -c 2000003 /dev/urandom >"$input"
    guest tee /proc/self/fd/2 <"$input" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    cmp "$input" "$BATS_TEST_TMPDIR/out"
    # run-vm's line about the accelerator may come first
    tail -c 2000003 "$BATS_TEST_TMPDIR/err" | cmp "$input"
}

@test "a stream that nobody reads stops neither the other streams nor the command" {
    # Standard output, more than a pipe holds, is read only after all of standard error; standard input,
    # which never ends, is not read at all.
    mkfifo "$BATS_TEST_TMPDIR/errors" "$BATS_TEST_TMPDIR/output"
    yes | guest sh -c 'head -c 200000 /dev/zero; yes error | head -n 100000 >&2; exit 3' \
        >"$BATS_TEST_TMPDIR/output" 2>"$BATS_TEST_TMPDIR/errors" &
    local output errors pid=$! status=0
    exec {output}<"$BATS_TEST_TMPDIR/output" {errors}<"$BATS_TEST_TMPDIR/errors"
    [ "$(grep -c -m 100000 '^error$' <&"$errors")" = 100000 ]
    [ "$(wc -c <&"$output")" = 200000 ]
    wait "$pid" || status=$?
    [ "$status" = 3 ]
}

@test "a reader that goes away ends the command, as in a pipe on one machine" {
    guest sh -c 'yes; echo status $? >&2' 2>"$BATS_TEST_TMPDIR/err" | head -n 1 >"$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = y ]
    says "$BATS_TEST_TMPDIR/err" '^status 141$'
}

@test "orphans are reaped, and those that are left do not hold the end up" {
    # The command waits until the first orphan has been reaped; the second stays.
    # shellcheck disable=SC2016
    ends 4 sh -c '
        ( (echo $$ >/dev/null; exec sh -c "echo \$\$ >/tmp/pid") & )
        until [ -s /tmp/pid ]; do :; done
        while [ -d /proc/$(cat /tmp/pid) ]; do :; done
        (sleep 100000 &)
        (trap "" TERM HUP; sleep 100000 &)
        exit 4'
}

@test "the environment is sane, the root is the directory, and nothing written to it lasts" {
    # shellcheck disable=SC2016
    ends 0 sh -c 'echo $HOME $USER $PWD; test -c /dev/null && test -d /proc/1 && echo >/written'
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "/root root /" ]
    [ ! -e "$ROOT/written" ]
}

@test "closed standard streams do no harm" {
    local status=0
    guest sh -c 'cat; exit 9' <&- >&- 2>&- || status=$?
    [ "$status" = 9 ]
}

@test "SIGTERM goes to the command" {
    mkfifo "$BATS_TEST_TMPDIR/out"
    guest sh -c 'trap "echo terminated; exit 6" TERM; echo ready; while :; do sleep 1; done' \
        </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" &
    local line output pid=$! status=0
    exec {output}<"$BATS_TEST_TMPDIR/out"
    read -r line <&"$output"
    [ "$line" = ready ]
    kill -TERM "$pid"
    read -r line <&"$output"
    [ "$line" = terminated ]
    wait "$pid" || status=$?
    [ "$status" = 6 ]
}

# terminal COMMAND [REDIRECTION]: runs run-vm on a terminal of 33 lines and 101 columns, whose device name
# is in the file `tty`. The other end is the coprocess VM; the descriptor SHOWN reads its output (bash
# closes its own descriptors as soon as the coprocess exits, even if output is unread).
terminal() {
    export COMMAND=$1 TTY=$BATS_TEST_TMPDIR/tty
    # shellcheck disable=SC2016
    coproc VM { exec script --quiet --return --echo never --command \
        'bash -c "stty rows 33 cols 101; tty >\$TTY; TERM=vt100 guest sh -c \"\$COMMAND\" '"${2:-}"'"' \
        /dev/null 2>&1; }
    exec {SHOWN}<&"${VM[0]}"
}

# expect_line REGEX: reads the terminal's output up to a matching line.
expect_line() {
    local line
    while read -r -t "$TIME_LIMIT" line <&"$SHOWN"; do
        echo "$line" >>"$BATS_TEST_TMPDIR/shown"
        [[ $line =~ $1 ]] && return
    done
    echo "no line matches $1; shown:"
    cat "$BATS_TEST_TMPDIR/shown"
    return 1
}

@test "on a terminal the command gets one with its size, follows its changes, and Ctrl-C is its own" {
    local status=0
    # shellcheck disable=SC2016
    terminal 'tty; test -t 0 && test -t 1 && test -t 2 && echo all three
        trap "echo interrupted; exit 5" INT
        stty size; echo $TERM; echo ready; read -r word; stty size; echo "got $word"
        echo now; while :; do sleep 1; done' # the shell takes a signal when the current sleep ends
    local pid=$VM_PID
    expect_line '^/dev/pts/[0-9]+'
    expect_line '^all three'
    expect_line '^33 101'
    expect_line '^vt100'
    expect_line '^ready'
    stty -F "$(cat "$BATS_TEST_TMPDIR/tty")" rows 44 cols 120
    echo word >&"${VM[1]}"
    expect_line '^44 120'
    expect_line '^got word'
    expect_line '^now'
    printf '\003' >&"${VM[1]}"
    expect_line 'interrupted'
    wait "$pid" || status=$?
    [ "$status" = 5 ]
}

@test "on a terminal, standard error that leads elsewhere still does" {
    local status=0
    # shellcheck disable=SC2016
    terminal 'exec 9>&2; test -t 1 && ! test -t 2 && echo "to errors" >&2; echo shown; exit 3' \
        "2>$BATS_TEST_TMPDIR/errors"
    local pid=$VM_PID
    expect_line '^shown'
    wait "$pid" || status=$?
    [ "$status" = 3 ]
    says "$BATS_TEST_TMPDIR/errors" '^to errors$'
    run ! grep -q 'to errors' "$BATS_TEST_TMPDIR/shown"
}

@test "the user's own words for QEMU replace run-vm's, and shared memory has their size" {
    local transport=9p
    [ "$EUID" != 0 ] || transport=virtiofs # QEMU 7's own server is for root only
    # shellcheck disable=SC2016
    QEMU_OPTS="-M q35,accel=tcg -m size=640M -smp cores=2,threads=1 --cpu Nehalem" \
        OPTIONS="-o runVm.transport=$transport" ends 0 sh -c \
        'nproc; grep -c Nehalem /proc/cpuinfo; grep -c xchg /proc/mounts; free -m | sed -n "s/^Mem: *\([0-9]*\).*/\1/p"'
    run cat "$BATS_TEST_TMPDIR/out"
    [ "${lines[*]:0:3}" = "2 2 1" ]
    ((lines[3] > 512 && lines[3] <= 640))
    run ! grep -q 'accelerator TCG' "$BATS_TEST_TMPDIR/err"
}

@test "emulated processors copy fast, and share the host's time stamp counter" {
    local counters=0
    if grep -qw constant_tsc /proc/cpuinfo && grep -qw nonstop_tsc /proc/cpuinfo; then
        counters=2
    fi
    # shellcheck disable=SC2016
    OPTIONS="--accel tcg -o virtualisation.cores=2" ends 0 sh -c \
        'for flag in constant_tsc nonstop_tsc erms fsrm; do grep -cw "$flag" /proc/cpuinfo; done; nproc'
    run cat "$BATS_TEST_TMPDIR/out"
    [ "${lines[*]}" = "$counters $counters 0 0 2" ]
}

@test "a guest that does not get so far: 125, and its reason" {
    OPTIONS="--append root=/dev/vdx --append vm.root.overlay=tmpfs --append vm.device-timeout=1" \
        ends 125 true
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    says "$BATS_TEST_TMPDIR/err" '/dev/vdx'
}

@test "a kernel that panics: 125, and the end of its console" {
    OPTIONS="--append rdinit=/nowhere --append root=/dev/nowhere" ends 125 true
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    says "$BATS_TEST_TMPDIR/err" 'Kernel panic'
}

# Statuses 2 and 3 would mean that the flood could not start.
@test "a command that is root and floods the channel itself: 125, and what is wrong" {
    ends 125 port-flood
    says "$BATS_TEST_TMPDIR/err" 'port-flood: no exit status: run-vm\.exec: '
}
