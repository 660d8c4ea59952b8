#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# run-vm exec: commands in a machine that runs, by the agent that init has left in the guest. One guest
# with nothing but busybox is for all tests but the last.

load harness
load command
load tmux

setup_file() {
    make_root
    export SSH_HOME=$BATS_FILE_TMPDIR/home
    mkdir "$SSH_HOME"
    mkdir "$ROOT"/{etc,home}
    printf '::shutdown:/bin/true\n' >"$ROOT/etc/inittab"
    printf 'root:x:0:0::/root:/bin/sh\njoe:x:1234:1234::/home:/bin/ash\nsshd:x:100:65534::/run/sshd:/bin/false\n' \
        >"$ROOT/etc/passwd"
    add_sshd
    machine box
    # box COMMAND...: runs the command in the guest
    mkdir "$BATS_FILE_TMPDIR/bin"
    printf '#!/bin/sh\nexec %q exec --wait %q box "$@"\n' "$RUN_VM_PROGRAM" "$TIME_LIMIT" >"$BATS_FILE_TMPDIR/bin/box"
    chmod +x "$BATS_FILE_TMPDIR/bin/box"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH
    box true
}

teardown_file() {
    close_terminals
    "$RUN_VM_PROGRAM" stop --kill box 2>/dev/null || true
}

# add_sshd: puts sshd and its libraries into the root, without a configuration or host keys.
add_sshd() {
    local packages
    packages=$("$BATS_TEST_DIRNAME/../../scripts/fetch-package" bookworm openssh-server 2>"$BATS_FILE_TMPDIR/fetch")
    mkdir -p "$ROOT"/{etc/ssh,lib64,usr/{sbin,bin,lib/openssh}}
    cp "$packages/usr/sbin/sshd" "$ROOT/usr/sbin/"
    cp "$packages/usr/bin/ssh-keygen" "$ROOT/usr/bin/"
    cp "$packages/usr/lib/openssh/sftp-server" "$ROOT/usr/lib/openssh/"
    cp -L "$packages"/usr/lib/*-linux-gnu*/*.so.* "$ROOT/usr/lib/"
    cp -L "$packages"/lib64/ld-* "$ROOT/lib64/"
    ln -s usr/lib "$ROOT/lib"
    : >"$ROOT/etc/ssh/sshd_config"
}

# machine NAME [run-vm's arguments]: boots one in the background.
machine() {
    local tmp=$BATS_FILE_TMPDIR/$1.tmp
    mkdir "$tmp"
    TMPDIR=$tmp USE_TMPDIR=1 timeout --foreground --kill-after=30 "$((4 * TIME_LIMIT))" "$RUN_VM_PROGRAM" \
        --kernel "$KERNEL" --modules-dir "$MODULES" --root-dir "$ROOT" --init /bin/init --name "$1" "${@:2}" >"$BATS_FILE_TMPDIR/$1.console" 2>&1 </dev/null 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/$1.pid"
    while_runs $! is_listed "$1" || { cat "$BATS_FILE_TMPDIR/$1.console"; return 1; }
}

is_listed() {
    "$RUN_VM_PROGRAM" list | grep -q "^$1 "
}

# leave_one_port: holds all ports but one, which the next commands use one after the other.
leave_one_port() {
    for port in 1 2 3 4 5 6 7; do
        exec {lock}>>"$BATS_FILE_TMPDIR/box.tmp/run-vm.agent.$port.lock"
        flock -w "$TIME_LIMIT" "$lock"
    done
}

# has_number NUMBER NAME: the guest has that many processes of the name.
has_number() {
    [ "$(has "$2")" = "$1" ]
}

# has NAME: prints the number of processes of that name in the guest.
has() {
    box sh -c 'for c in /proc/[0-9]*/cmdline; do tr "\0" " " <$c; echo; done' 2>/dev/null | grep -c "^$1 "
}

@test "a command has its streams and its status" {
    local status=0
    printf 'a\0b\n' | box sh -c 'cat; echo error >&2; exit 7' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    cat "$BATS_TEST_TMPDIR/err"
    [ "$status" = 7 ]
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = error ]
    printf 'a\0b\n' | cmp - "$BATS_TEST_TMPDIR/out"
    # $$ is the guest's to expand
    # shellcheck disable=SC2016
    run -137 box sh -c 'kill -KILL $$'
    run -127 box no-such-command
    [[ $output == *"no-such-command: not found"* ]]
    head -c 1000003 /dev/urandom >"$BATS_TEST_TMPDIR/in"
    box tee /proc/self/fd/2 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
    cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/err"
}

@test "a command has its user, directory and variables; the user's shell is the default" {
    # shellcheck disable=SC2016
    run -0 "$RUN_VM_PROGRAM" exec --user joe --cwd /tmp --env A=b box sh -c 'echo $(id -u) $HOME $PWD $A'
    [ "$output" = "1234 /home /tmp b" ]
    # shellcheck disable=SC2016
    run -0 "$RUN_VM_PROGRAM" exec --user joe box <<<'echo $(id -u) $0 $-'
    [[ $output == "1234 /bin/ash "* ]]
    run -0 "$RUN_VM_PROGRAM" exec -- echo only one machine
    [ "$output" = "only one machine" ]
    run -66 "$RUN_VM_PROGRAM" exec no-such-machine true
    [[ $output == *no-such-machine*box* ]]
}

@test "8 commands run at once, and a ninth says why it cannot" {
    local i pids=()
    mkfifo "$BATS_TEST_TMPDIR/ready" "$BATS_TEST_TMPDIR/input"
    exec {ready}<>"$BATS_TEST_TMPDIR/ready"
    for i in 0 1 2 3 4 5 6 7; do
        box sh -c "echo; read -r line; exit 3$i" >"$BATS_TEST_TMPDIR/ready" <>"$BATS_TEST_TMPDIR/input" 3>&- &
        pids+=($!)
    done
    for i in 0 1 2 3 4 5 6 7; do read -r -t "$TIME_LIMIT" -u "$ready"; done
    for i in 0 1; do
        run -125 "$RUN_VM_PROGRAM" exec --wait "$i" box true
        [[ $output == *"box: 8 commands"*"run in the machine already"* ]]
    done
    kill "${pids[0]}"
    local status=0
    wait "${pids[0]}" || status=$?
    [ "$status" = 143 ]
    box true
    for i in 1 2 3 4 5 6 7; do
        kill -KILL "${pids[$i]}"
        wait "${pids[$i]}" || true
    done
}

@test "a client that is killed takes its session's processes with it, and no others; nothing stale is seen" {
    leave_one_port
    box sleep 1000 3>&- &
    local other=$! client i status
    flock -u "$lock" # of port 7, for the commands below
    until_true has_number 1 'sleep 1000'
    for i in 1 2 3; do
        rm -f "$BATS_TEST_TMPDIR/out"
        box sh -c 'sleep 2000 & setsid sleep 2000 & (setsid sleep 2000 &); echo up; exec yes stale' >"$BATS_TEST_TMPDIR/out" 3>&- &
        client=$!
        until_true grep -qs stale "$BATS_TEST_TMPDIR/out"
        kill -KILL "$client"
        wait "$client" || true
        [ "$(box sh -c 'echo clean')" = clean ]
        rm -f "$BATS_TEST_TMPDIR/out"
        yes stale | box cat >"$BATS_TEST_TMPDIR/out" 3>&- &
        until_true grep -qs stale "$BATS_TEST_TMPDIR/out"
        kill -KILL $!
        wait $! || true
        [ "$(box cat </dev/null)" = "" ]
    done
    [ "$(has 'sleep 1000')" = 1 ]
    until_true has_number 0 'sleep 2000'
    kill -KILL "$other"
    wait "$other" || true
    until_true has_number 0 'sleep 1000'
}

@test "a client that sends anything does no harm" {
    local socket=$BATS_FILE_TMPDIR/box.tmp/run-vm.agent.0
    leave_one_port
    flock -u "$lock"
    head -c 300000 /dev/urandom | timeout 2 socat - "UNIX-CONNECT:$socket" >/dev/null || true
    yes | timeout 1 socat -u - "UNIX-CONNECT:$socket" || true
    # a session with arguments without end
    { printf '\17\0\0\0\20\0\0\0ABCDEFGHIJKLMNOP'; yes "$(printf '\1')" | tr '\n' '\0' | head -c 8000000; } |
        timeout 5 socat - "UNIX-CONNECT:$socket" >/dev/null || true
    timeout "$TIME_LIMIT" box true
    # the end of a session's process is reported
    # shellcheck disable=SC2016
    run -125 timeout "$TIME_LIMIT" box sh -c 'kill -KILL $PPID'
    [[ $output == *"sh: no exit status: "* ]]
    timeout "$TIME_LIMIT" box true
}

@test "a guest that has no process left for a session is asked again and again, without haste" {
    # shellcheck disable=SC2016,SC2094 # the guest expands, and out is waited for
    box sh -c 'read -r line; most=$(cat /proc/sys/kernel/threads-max)
        agent=$(pidof run-vm-agent | tr " " "\n" | sort -n | head -n 1)
        read -r begin rest </proc/uptime; read -r before </proc/$agent/stat; echo 20 >/proc/sys/kernel/threads-max; echo full; read -r line
        read -r after </proc/$agent/stat; read -r end rest </proc/uptime; echo "$most" >/proc/sys/kernel/threads-max
        set -- $before; before=$((${14} + ${15})); set -- $after
        echo ticks $((${14} + ${15} - before)) of $(((${end%.*} - ${begin%.*}) * 100))
        ' >"$BATS_TEST_TMPDIR/out" < <(echo; until_true grep -qs full "$BATS_TEST_TMPDIR/out"
            timeout "$TIME_LIMIT" "$RUN_VM_PROGRAM" exec --wait 3 box true >/dev/null 2>"$BATS_TEST_TMPDIR/err"; echo) 3>&-
    cat "$BATS_TEST_TMPDIR/out"
    grep 'no agent answers' "$BATS_TEST_TMPDIR/err"
    awk '/^ticks/ { found = $2 < $4 / 2 } END { exit !found }' "$BATS_TEST_TMPDIR/out"
    box true
}

@test "a signal ends a command in a guest that is paused" {
    # timeout(1) sends its signal twice, to the client and to the process group
    local status=0 client
    timeout "$TIME_LIMIT" "$RUN_VM_PROGRAM" exec --wait 10 box sh -c 'echo up; exec sleep 1000' >"$BATS_TEST_TMPDIR/out" \
        2>"$BATS_TEST_TMPDIR/err" </dev/null 3>&- &
    client=$!
    wait_for "$BATS_TEST_TMPDIR/out" up "$client"
    "$RUN_VM_PROGRAM" monitor box <<<stop
    kill "$client"
    wait "$client" || status=$?
    "$RUN_VM_PROGRAM" monitor box <<<cont
    cat "$BATS_TEST_TMPDIR/err"
    [ "$status" = 143 ]
    grep 'sh: no exit status: the guest hangs, or is paused' "$BATS_TEST_TMPDIR/err"
}

# on_terminal COMMAND...: starts run-vm exec on a terminal; its output is in the file screen.
on_terminal() {
    printf 'stty -g >%q; %q exec box %s; echo status=$?; stty -g | cmp - %q && echo restored; exec sleep 1000\n' \
        "$BATS_TEST_TMPDIR/stty" "$RUN_VM_PROGRAM" "$1" "$BATS_TEST_TMPDIR/stty" >"$BATS_TEST_TMPDIR/script"
    open_terminal t 91x33 "sh $BATS_TEST_TMPDIR/script" "$BATS_TEST_TMPDIR/screen"
}
shows() {
    until_true has_shown "$1" || { cat "$BATS_TEST_TMPDIR/screen"; return 1; }
}
has_shown() {
    clean <"$BATS_TEST_TMPDIR/screen" | grep -Eaq -- "$1"
}

@test "a command has a terminal: its size, its signals; Ctrl-] three times leaves a guest that hangs" {
    on_terminal "sh -c 'trap \"echo got it\" INT; tty; stty size; until read line; do :; done; echo line=\$line; sleep 1000'"
    shows '/dev/pts/'
    shows '^33 91'
    keys t C-c
    shows 'got it'
    keys t 'typed' Enter
    shows 'line=typed'
    bytes t 1d 1d 1d
    shows 'ended by Ctrl-]'
    shows 'status=130'
    shows restored
    close_terminals
    until_true has_number 0 'sleep 1000'
}

# leaves_terminal PROGRAM COMMAND...: the command, which runs a shell of the guest on the terminal, leaves the
# terminal as it was, when it ends and when run-vm or the program is killed, whatever the shell has left on.
leaves_terminal() {
    local how left program=$1
    screen() { in_tmux capture-pane -p -t "$program" | grep -Eq -- "$1"; }
    # the alternate screen, the mouse, the cursor, line wrap, the cursor keys
    modes() {
        [[ $(ask_tmux "$program" '#{alternate_on}#{mouse_any_flag}#{cursor_flag}#{wrap_flag}#{keypad_cursor_flag}') == "$1"* ]]
    }
    open_terminal "$program" 91x33 'bash --norc' "$BATS_TEST_TMPDIR/screen"
    keys "$program" "PS1='host> '; stty -g >$BATS_TEST_TMPDIR/before; clear" Enter
    until_true screen '^host>'
    for how in end run-vm "$program"; do
        keys "$program" "clear; ${*:2}" Enter
        until_true screen '[#$] ?$'
        keys "$program" "printf '\\033[?1049h\\033[?1000h\\033[?25l\\033[?7l\\033[?1h'; echo \$((60 + 6))" Enter
        until_true screen '^66'
        until_true modes 11001
        left=0011 # the cursor keys are the shell's, if it is back before the keeper
        case $how in
        end) left=00110 && keys "$program" 'exit' Enter ;;
        run-vm) pkill -KILL -P "$(ask_tmux "$program" '#{pane_pid}')" run-vm ;;
        *) pkill -KILL -P "$(pgrep -P "$(ask_tmux "$program" '#{pane_pid}')" run-vm)" "$how" ;;
        esac
        until_true modes $left
        keys "$program" "clear; stty -g | cmp - $BATS_TEST_TMPDIR/before && echo restored" Enter
        until_true screen '^restored'
        [ "$program" != run-vm ] || [ "$how" != run-vm ] || break
    done
}

@test "a client that ends or is killed leaves the terminal as it was" {
    leaves_terminal run-vm "$RUN_VM_PROGRAM exec box"
    leaves_terminal ssh "HOME=$SSH_HOME XDG_DATA_HOME= $RUN_VM_PROGRAM ssh box"
    close_terminals
}

# vm_ssh [ARGUMENT...]: runs run-vm ssh in a home of its own.
vm_ssh() {
    HOME=$SSH_HOME XDG_DATA_HOME='' "$RUN_VM_PROGRAM" ssh "$@"
}

@test "ssh, with a key that is made once: a command, a file out, an option of ssh" {
    vm_ssh --wait "$TIME_LIMIT" box true 3>&- &
    run -7 vm_ssh --wait "$TIME_LIMIT" box 'echo $USER; exit 7'
    wait $!
    [ "$output" = root ]
    [ "$(cd "$SSH_HOME/.local/share/run-vm/ssh" && stat -c '%a %n' -- * | tr '\n' ' ')" = "600 id_ed25519 644 id_ed25519.pub " ]
    local key
    key=$(sha256sum "$SSH_HOME/.local/share/run-vm/ssh/id_ed25519")
    run -0 vm_ssh --user joe box -- -n cat /etc/inittab
    diff "$ROOT/etc/inittab" - <<<"$output"
    sha256sum -c <<<"$key"
    box rm /usr/sbin/sshd
    run -255 vm_ssh box true
    [ "$output" = "run-vm: box: the guest has no sshd: install openssh-server there, or use run-vm exec" ]
}

@test "a guest without an agent says so at once; one whose agent was killed, in time" {
    box kill -9 "$(box pidof run-vm-agent | tr ' ' '\n' | sort -n | head -n 1)"
    run -125 timeout "$TIME_LIMIT" "$RUN_VM_PROGRAM" exec --wait 2 box true
    [ "${#lines[@]}" = 1 ]
    [[ $output == *"box: no agent answers in the guest"* ]]
    kill "$(cat "$BATS_FILE_TMPDIR/box.pid")"
    # but ssh has a port that leads to an sshd
    ssh-keygen -q -t ed25519 -N '' -f "$ROOT/etc/ssh/ssh_host_ed25519_key"
    cp "$SSH_HOME/.local/share/run-vm/ssh/id_ed25519.pub" "$ROOT/etc/ssh/keys"
    chmod -R go-w "$ROOT/etc"
    printf 'AuthorizedKeysFile /etc/ssh/keys\nStrictModes no\n' >"$ROOT/etc/ssh/sshd_config"
    printf '::sysinit:/bin/mkdir -p /run/sshd\n::once:/usr/sbin/sshd\n' >>"$ROOT/etc/inittab"
    machine bare -o runVm.agent=false --port 0:22
    run -7 vm_ssh --wait "$TIME_LIMIT" bare 'echo $USER; exit 7'
    [ "$output" = root ]
    run -125 "$RUN_VM_PROGRAM" exec bare true
    [[ $output == *"bare: "*"without an agent"*runVm.agent=true* ]]
    kill "$(cat "$BATS_FILE_TMPDIR/bare.pid")"
}
