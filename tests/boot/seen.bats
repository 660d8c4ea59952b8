#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a user sees of a start: the steps of the boot on real terminals of 80 and 40 columns, on a dumb one
# and in a pipe; the reason of a failed boot; the end of a guest that takes too long.

load guest
load tmux

setup_file() {
    kernel
    SECONDS=0
    export HOME=$BATS_FILE_TMPDIR
    tree "$BATS_FILE_TMPDIR/tree" <<'END_OF_SCRIPT'
dmesg -n 1 # kernel messages would break up lines
i=0
while [ $((i += 1)) -le 2000 ]; do echo "line $i of many"; done
echo "the size is $(stty size </dev/console)"
grep -q hang /proc/cmdline && while :; do sleep 1; done
END_OF_SCRIPT
    on_terminal wide 80 TERM=screen --init /sbin/init
    has_ended wide
    local boot=$SECONDS # of a boot on this machine
    # all at once, since some of them wait for a deadline
    on_terminal narrow 40 TERM=screen --append 'root=/dev/vdz vm.device-timeout=1 vm.onfail=poweroff'
    on_terminal dumb 80 TERM=dumb --init /sbin/init
    hangs init 'devices \(wait /dev/vdz\)' --append 'root=/dev/vdz vm.device-timeout=3000' 3>&- &
    hangs stage2 'stage 2' --on-term=quit --init /sbin/init --append hang 3>&- &
    wait
    local name
    for name in wide narrow dumb; do
        has_ended "$name"
        in_tmux capture-pane -p -J -S - -t "$name" >"$BATS_FILE_TMPDIR/$name/lines"
        in_tmux capture-pane -p -e -J -S - -t "$name" >"$BATS_FILE_TMPDIR/$name/coloured"
    done
}

teardown_file() {
    close_terminals
}

# command [run-vm's arguments]: prints the command that boots the tree.
command_of() {
    printf '%q ' timeout --foreground --kill-after=10 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
        --modules-dir "$MODULES" --root-dir "$BATS_FILE_TMPDIR/tree" -o virtualisation.memorySize=256 \
        -o virtualisation.graphics=false "$@"
}

# on_terminal NAME COLUMNS VARIABLE [run-vm's arguments]: boots on a terminal of its own. In NAME: screen
# (all output), status.
on_terminal() {
    local directory=$BATS_FILE_TMPDIR/$1
    mkdir -p "$directory"
    {
        printf 'cd %q; export TMPDIR=%q %q; ' "$directory" "$directory" "$3"
        command_of "${@:4}"
        printf '\necho $? >status; echo "the program has ended"; exec sleep 10000\n'
    } >"$directory/script"
    open_terminal "$1" "$2x40" "sh $directory/script" "$directory/screen"
}

# has_ended NAME: waits until the boot has ended, and the terminal has shown all of its output.
has_ended() {
    until_true grep -qa 'the program has ended' "$BATS_FILE_TMPDIR/$1/screen"
}

# hangs NAME STEP [run-vm's arguments]: boots without a terminal a guest that hangs in the step. In NAME: out,
# err, status. A machine that has become slower since the first boot may need more time to come so far.
hangs() {
    local directory=$BATS_FILE_TMPDIR/$1 seconds
    mkdir -p "$directory"
    for seconds in $((3 * boot + 12)) $((15 * boot + 60)); do
        eval "$(TIME_LIMIT=$((seconds + 300)) command_of --timeout "$seconds" "${@:3}")" </dev/null >"$directory/out" 2>"$directory/err" &&
            echo 0 >"$directory/status" || echo $? >"$directory/status"
        ! grep -Eq "the last it did: $2" "$directory/err" || return 0
    done
}

# status_is NAME STATUS
status_is() {
    [ "$(cat "$BATS_FILE_TMPDIR/$1/status")" = "$2" ] && return
    echo "$1: status $(cat "$BATS_FILE_TMPDIR/$1/status"), expected $2"
    return 1
}

@test "a boot on a terminal is one line of steps, and then the guest's console" {
    cd "$BATS_FILE_TMPDIR/wide"
    status_is wide 0
    says screen 'run-vm: kernel\.\.\.' # rewritten in place
    says lines '^run-vm: machine tree: Ctrl-A X quits QEMU, Ctrl-A C is its monitor$'
    says lines '^run-vm: in another terminal: run-vm exec tree, run-vm ssh tree$'
    says lines '^run-vm: kernel [0-9.]+ s, (modules [0-9.]+ s, )?(disk [0-9.]+ s, )?(mounts [0-9.]+ s, )?stage 2$'
    [ "$(grep -c '^run-vm: kernel' lines)" = 1 ]
    says lines '^stage 2 is PID 1$'
    run ! grep -e 'Linux version' -e 'Run /init' lines
}

@test "no byte of the guest's console is lost on its way to the terminal" {
    seq 2000 | sed 's/.*/line & of many/' >"$BATS_TEST_TMPDIR/all"
    clean <"$BATS_FILE_TMPDIR/wide/screen" | grep '^line ' | diff - "$BATS_TEST_TMPDIR/all"
}

@test "the guest's console knows the size of the terminal" {
    says "$BATS_FILE_TMPDIR/wide/lines" '^the size is 40 80$'
}

@test "the reason of a failed boot is whole on 40 columns, and its word error is red" {
    cd "$BATS_FILE_TMPDIR/narrow"
    status_is narrow 70
    says lines '^run-vm: error: the boot failed at "devices": /dev/vdz: no such block device appeared within 1 s; there are: no block devices *'
    says coloured $'\e\\[1m\e\\[31merror: '
    run ! grep 'modules\.\.\.' lines
}

@test "a dumb terminal gets plain lines, without escape sequences" {
    cd "$BATS_FILE_TMPDIR/dumb"
    status_is dumb 0
    says lines '^run-vm: boot: mounts$'
    says lines '^run-vm: boot: stage 2$'
    run ! grep -a $'\e\\[[0-9;]*[mK]' screen
}

@test "in a pipe the kernel's messages are all there, and no line of steps" {
    cd "$BATS_FILE_TMPDIR/stage2"
    says out 'Linux version'
    run ! grep -e $'\e\\[K' -e 'kernel\.\.\.' -e 'Ctrl-A' out err
}

@test "--timeout ends a guest that hangs in init, and says what it last did" {
    status_is init 124
    says "$BATS_FILE_TMPDIR/init/err" '^run-vm: the guest has not ended within [0-9]+ s \(--timeout\); the last it did: devices \(wait /dev/vdz\)'
}

@test "--timeout ends a guest that hangs in stage 2" {
    status_is stage2 124
    says "$BATS_FILE_TMPDIR/stage2/err" '^run-vm: the guest has not ended within [0-9]+ s \(--timeout\); the last it did: stage 2'
}

@test "--timeout takes seconds" {
    local wrong
    for wrong in '' 0 -1 5m 1.5 99999999999; do
        run -64 "$RUN_VM_PROGRAM" --root-dir / --timeout "$wrong"
        says /dev/stdin '^run-vm: --timeout: is ".*", expected seconds' <<<"$output"
    done
}
