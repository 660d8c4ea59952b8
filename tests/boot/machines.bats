#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Machines in the background: two guests that run at the same time are listed, entered, asked and
# ended. The tests follow one another: each needs the machines that the one before has left.
# shellcheck disable=SC2154 # bats sets output

bats_require_minimum_version 1.7.0

load guest
load tmux

setup_file() {
    kernel
    export HOME=$BATS_FILE_TMPDIR XDG_STATE_HOME=$BATS_FILE_TMPDIR/state
    export TMPDIR=$BATS_FILE_TMPDIR/tmp LC_ALL=C.UTF-8
    mkdir "$TMPDIR"
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    tree "$BATS_FILE_TMPDIR/tree" <<'GUEST'
dmesg -n 1
power_button() {
    for event in /sys/class/input/event*; do
        [ "$(cat $event/device/name)" != "Power Button" ] || head -c 24 /dev/input/${event##*/} >/dev/null
    done
    poweroff -f
}
power_button &
PS1='guest> '
export PS1
while :; do setsid -c sh -i </dev/ttyS0 >/dev/ttyS0 2>&1; done
GUEST
    open_terminal host 100x40 'bash --norc' "$BATS_FILE_TMPDIR/screen"
    detach one >"$BATS_FILE_TMPDIR/one" 2>&1
    # who reads the messages to their end does not wait for the machine's
    detach two 2>&1 | timeout "$TIME_LIMIT" cat >"$BATS_FILE_TMPDIR/two"
}

teardown_file() {
    close_terminals
    for name in one two; do
        "$RUN_VM_PROGRAM" stop --kill "$name" 2>/dev/null || true
    done
}

# detach NAME [run-vm's arguments]: starts a machine in the background.
detach() {
    timeout --foreground "$TIME_LIMIT" "$RUN_VM_PROGRAM" --detach --name "$1" --kernel "$KERNEL" \
        --modules-dir "$MODULES" --root-dir "$BATS_FILE_TMPDIR/tree" -o virtualisation.graphics=false \
        -o virtualisation.memorySize=256 "${@:2}" 3>&- 4>&-
}

# fact NAME KEY: prints what is published about a machine.
fact() {
    "$RUN_VM_PROGRAM" list --json | jq -r --arg name "$1" ".[] | select(.name == \$name).$2"
}

# types COMMAND: types the command on the terminal, which has been cleared; shows REGEX: waits until a line
# there matches.
types() {
    keys host -R
    keys host "$1" Enter
}
shows() {
    until_true has_shown "$1" || {
        in_tmux capture-pane -p -t host
        return 1
    }
}
has_shown() {
    in_tmux capture-pane -p -t host | grep -Eq -- "$1"
}

# enters NAME: attaches the terminal to the console of the machine, and waits for the shell there.
enters() {
    types "$RUN_VM_PROGRAM console $1"
    shows "$1: its console; Ctrl-\\] leaves it"
    shows 'guest>'
    until_true is_raw host # before that the terminal echoes what is typed
}

# has_left: no run-vm runs on the terminal.
has_left() {
    ! pgrep -P "$(ask_tmux host '#{pane_pid}')" run-vm
}

@test "--detach returns when QEMU runs, with the name; the list has both machines" {
    grep -q '^one runs in the background (pid [0-9]*): run-vm console one, run-vm stop one$' "$BATS_FILE_TMPDIR/one"
    [ "$("$RUN_VM_PROGRAM" list | awk '{ print $1, $4 }' | tr '\n' ';')" = "NAME MEMORY;one 256M;two 256M;" ]
    "$RUN_VM_PROGRAM" list | grep -q "^one .* $BATS_FILE_TMPDIR/tree  -"
    [ "$(fact one state)" = running ]
    # a session of its own, without a terminal
    pid=$(fact one pid)
    [ "$(ps -o sid= -o tty= -p "$pid" | tr -s ' ' | sed 's/^ //')" = "$pid ?" ]
    [ "$(readlink "/proc/$pid/fd/2")" = "$XDG_STATE_HOME/run-vm/one/run-vm.log" ]
    until_true grep -q 'guest>' "$(fact one consoleLog)"
    until_true grep -q 'guest>' "$(fact two consoleLog)"
}

@test "another user sees none of them" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    cp "$RUN_VM_PROGRAM" "$BATS_FILE_TMPDIR/run-vm"
    chmod a+rx "$BATS_FILE_TMPDIR/run-vm" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$(dirname "$BATS_FILE_TMPDIR")"
    run -0 setpriv --reuid 1234 --clear-groups "$BATS_FILE_TMPDIR/run-vm" list
    [[ $output == *"no machine runs"* ]]
    # nor by name, where the directory is told
    for command in 'stop --kill' console monitor 'exec --wait 1'; do
        # shellcheck disable=SC2086 # several words
        run setpriv --reuid 1234 --clear-groups env XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" \
            "$BATS_FILE_TMPDIR/run-vm" $command one </dev/null
        echo "$command: $status: $output"
        [ "$status" = 66 ]
    done
    [ "$(fact one state)" = running ]
}

@test "the console is entered and left by Ctrl-], twice, by one at a time, and the terminal restored" {
    types "PS1='host> '; stty -g >$BATS_FILE_TMPDIR/before"
    shows '^host>'
    for i in 1 2; do
        enters one
        keys host "echo \$((40 + $i))" Enter
        shows "^4$i"
        run -74 "$RUN_VM_PROGRAM" console one
        [[ $output == *"one: its console is in use by another run-vm console"* ]]
        # what the guest has switched on is off afterwards
        [ "$i" = 1 ] || keys host "printf '\\033[?1049h\\033[?1000h'; echo \$((60 + 6))" Enter
        [ "$i" = 1 ] || shows '^66'
        keys host C-]
        shows 'the machine runs on'
        [ "$(ask_tmux host '#{alternate_on}#{mouse_any_flag}')" = 00 ]
        until_true has_left
        types "stty -g | cmp - $BATS_FILE_TMPDIR/before && echo restored"
        shows '^restored'
    done
    # also after a SIGKILL. The guest learns the terminal's size
    enters one
    keys host 'clear; until stty size | grep "^40 100"; do sleep 1; done' Enter
    shows '^40 100'
    keys host "printf '\\033[?1049h\\033[?1000h\\033[?25l'; echo \$((60 + 7))" Enter
    shows '^67'
    pkill -KILL -P "$(ask_tmux host '#{pane_pid}')" run-vm
    are_off() {
        [ "$(ask_tmux host '#{alternate_on}#{mouse_any_flag}#{cursor_flag}')" = 001 ]
    }
    until_true are_off
    types "stty -g | cmp - $BATS_FILE_TMPDIR/before && echo restored"
    shows '^restored'
    # Ctrl-C is the guest's; SIGTERM ends the console, and restores the terminal, too
    enters two
    keys host 'echo $((70 + 7)); sleep 1000' Enter
    shows '^77' # before that a Ctrl-C is only the shell's
    keys host C-c
    keys host 'echo $((50 + 5))' Enter
    shows '^55'
    pkill -TERM -P "$(ask_tmux host '#{pane_pid}')" run-vm
    until_true has_left
    types "stty -g | cmp - $BATS_FILE_TMPDIR/before && echo restored"
    shows '^restored'
    run -66 "$RUN_VM_PROGRAM" console
    [[ $output == *"several machines run: name one of one, two"* ]]
}

@test "the monitor takes names, names with arguments and JSON, and prints answers and events" {
    run -0 --separate-stderr "$RUN_VM_PROGRAM" monitor two <<'END_OF_INPUT'
query-status

query-name
  {"execute": "qom-list", "arguments": {"path": "/objects"}, "id": 7}
stop
cont {}
human-monitor-command {"command-line": "info name"}
END_OF_INPUT
    echo "$output"
    # QEMU may tell other events, too, anywhere between the answers
    answers=$(jq -c 'select(has("event") | not)' <<<"$output")
    [ "$(jq -rs '.[0].return.status, .[1].return.name, .[2].id' <<<"$answers" | tr '\n' ' ')" = "running tree 7 " ]
    [ "$(jq -rs '[.[] | .event | select(. == "STOP" or . == "RESUME")] | join(" ")' <<<"$output")" = "STOP RESUME" ]
    [ "$(jq -rs '.[-1].return' <<<"$answers" | tr -d '\r')" = tree ]
    run -1 "$RUN_VM_PROGRAM" monitor two <<<nonsense
    [[ $output == *'"class":"CommandNotFound"'* ]]
    run -1 "$RUN_VM_PROGRAM" monitor two <<<'stop x'
    [[ $output == *'"stop x": '*'expected COMMAND'* ]]
}

@test "of a console's log that grows and grows only the end takes space; it may be truncated" {
    local log
    log=$(fact two consoleLog)
    head -c 40M /dev/zero | tr '\0' '.' >>"$log"
    is_small() {
        [ "$(stat -c %b "$log")" -le $((16 * 2048)) ]
    }
    until_true is_small
    [ "$(stat -c %s "$log")" -gt $((40 << 20)) ]
    [ "$(tail -c 8M "$log" | tr -d '\0' | wc -c)" = $((8 << 20)) ]
    [ -z "$(head -c 8M "$log" | tr -d '\0')" ]
    # what the guest prints is at the end, which run-vm console shows first
    types "$RUN_VM_PROGRAM console two"
    shows '^\.{100}'
    until_true is_raw host
    keys host Enter
    shows '^guest>'
    keys host 'echo $((80 + 8))' Enter
    shows '^88'
    tail -c 1000 "$log" | clean | grep -q '^88'
    : >"$log"
    keys host 'echo $((90 + 9))' Enter
    shows '^99'
    [ "$(stat -c %s "$log")" -lt 8192 ]
    keys host C-]
    shows 'the machine runs on'
    until_true has_left
    types "$RUN_VM_PROGRAM console two"
    shows '^99'
    until_true is_raw host
    keys host C-]
}

@test "stop powers the guest down; its logs stay, and nothing else" {
    directory=$(fact one directory)
    run -0 "$RUN_VM_PROGRAM" stop --timeout "$TIME_LIMIT" one
    [[ $output == *"one: the guest has powered down (after "* ]]
    [ ! -e "$directory" ]
    grep -q 'powering the guest down' "$XDG_STATE_HOME/run-vm/one/run-vm.log"
    grep -q '^42' "$XDG_STATE_HOME/run-vm/one/console.log"
    run -66 "$RUN_VM_PROGRAM" stop one
    [[ $output == *"one: no machine of this name runs, expected one of two"* ]]
}

@test "after a SIGKILL of its run-vm a machine is not listed, and nothing of it remains" {
    directory=$(fact two directory)
    pid=$(fact two pid)
    qemu=$(pgrep -P "$pid" qemu)
    # of a guest that stands still, while `stop` waits for it
    "$RUN_VM_PROGRAM" monitor two <<<stop
    "$RUN_VM_PROGRAM" stop two 2>"$BATS_TEST_TMPDIR/stop" 3>&- &
    local stop=$! status=0
    until_true grep -q 'powering the guest down' "$XDG_STATE_HOME/run-vm/two/run-vm.log"
    kill -KILL "$pid"
    wait "$stop" || status=$?
    cat "$BATS_TEST_TMPDIR/stop"
    [ "$status" = 3 ]
    grep -q 'two: QEMU was killed or has crashed' "$BATS_TEST_TMPDIR/stop"
    gone() {
        [ "$("$RUN_VM_PROGRAM" list --json)" = "[]" ]
    }
    until_true gone
    until_true is_gone "$qemu"
    until_true [ ! -e "$directory" ]
    [ -z "$(ls -A "$XDG_RUNTIME_DIR/run-vm")" ]
    [ -z "$(ls -A "$TMPDIR")" ]
    run -66 "$RUN_VM_PROGRAM" monitor
    [[ $output == *"no machine runs"* ]]
}
