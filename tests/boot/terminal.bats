#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every key typed on the terminal that shows the guest's console, at each stage of a guest; and the state
# of the terminal and the temporary directory after every end of QEMU or run-vm.

load guest
load tmux

setup_file() {
    kernel
    export HOME=$BATS_FILE_TMPDIR
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
dmesg -n 1
byte() { # prints each typed byte as it arrives, until an e
    saved=$(stty -g </dev/ttyS0)
    stty raw -echo </dev/ttyS0
    echo "typed bytes:"
    until [ "$byte" = 65 ]; do
        byte=$(dd bs=1 count=1 </dev/ttyS0 2>/dev/null | od -An -tx1 | tr -d ' ')
        printf '<%s>\r\n' $byte
    done
    stty "$saved" </dev/ttyS0
}
byte
cat >/tmp/login <<'SH'
#!/bin/sh
for signal in INT QUIT TSTP; do trap "echo login: $signal" $signal; done
echo "password:"
until [ "$line" = bye ]; do read -r line || :; done
SH
chmod +x /tmp/login
for i in 1 2; do
    setsid getty -l /tmp/login -L 0 ttyS0 vt100
    echo "getty $i has ended"
done
PS1='shell> ' setsid -c sh -i </dev/ttyS0 >/dev/ttyS0 2>&1
echo "the shell has ended"
END
}

teardown_file() {
    close_terminals
}

# on_terminal NAME [run-vm's arguments]: starts run-vm on a terminal of its own. In NAME: screen (all
# output), tmp, before and after (the terminal's settings), status.
on_terminal() {
    local directory=$BATS_FILE_TMPDIR/$1
    mkdir -p "$directory/tmp"
    {
        # the terminal's signals are for run-vm, not for its shell
        printf 'trap : INT QUIT; cd %q; stty -g >before; export TMPDIR=%q\n' "$directory" "$directory/tmp"
        printf '%q ' timeout --foreground --signal=KILL "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
            --modules-dir "$MODULES" --root-dir "$BATS_FILE_TMPDIR/tree" -o virtualisation.diskImage=null \
            -o virtualisation.memorySize=256 -o virtualisation.graphics=false "${@:2}"
        printf '\necho $? >status; stty -g >after; echo "the program has ended"; exec sleep 10000\n'
    } >"$directory/script"
    open_terminal "$1" 100x40 "sh $directory/script" "$directory/screen"
}

# shows NAME REGEX: waits for a match after the previous one.
shows() {
    local directory=$BATS_FILE_TMPDIR/$1
    until_true finds "$directory" "$2"
    match "$directory" "$2" && return
    echo "$1 does not show: $2"
    clean <"$directory/screen" | tail -n 30
    return 1
}
finds() { # succeeds also once no more output will come
    has_ended "$1" || clean <"$1/screen" | tail -c "+$(($(cat "$1/seen" 2>/dev/null || echo 0) + 1))" | grep -Eaq -- "$2"
}
match() {
    local seen=0 found text
    [ ! -e "$1/seen" ] || seen=$(cat "$1/seen")
    found=$(clean <"$1/screen" | tail -c "+$((seen + 1))" | grep -Eabo -m 1 -- "$2" | head -n 1)
    [ "$found" ] || return
    text=${found#*:}
    echo $((seen + ${found%%:*} + ${#text})) >"$1/seen"
}

# has_ended DIRECTORY: run-vm has ended there, and the terminal has shown all of its output.
has_ended() {
    grep -qa 'the program has ended' "$1/screen"
}

# is_left NAME STATUS: run-vm exits with STATUS, the terminal is restored, no temporary file is left.
is_left() {
    local directory=$BATS_FILE_TMPDIR/$1
    until_true has_ended "$directory"
    echo "$1: status $(cat "$directory/status"), expected $2; temporary: $(ls -A "$directory/tmp")"
    clean <"$directory/screen" | tail -n 12
    [ "$(cat "$directory/status")" = "$2" ] && diff "$directory/before" "$directory/after" &&
        [ -z "$(ls -A "$directory/tmp")" ]
}

# child NAME [PROGRAM...]: prints the child of the terminal's shell, or a descendant by the programs.
child() {
    local pid program
    pid=$(ask_tmux "$1" '#{pane_pid}')
    for program in timeout "${@:2}"; do
        pid=$(pgrep -P "$pid" "$program") || return
    done
    echo "$pid"
}

@test "keys go to the guest: in its boot, at its login, in its shell; Ctrl-A is QEMU's" {
    local key
    on_terminal guest --init /sbin/init --append loglevel=7
    shows guest 'Linux version'
    bytes guest 03 1a 1c
    shows guest 'typed bytes:'
    for key in 03 1a 1c 04 13 11 16 01; do
        bytes guest "$key"
        [ "$key" != 01 ] || bytes guest 01
        shows guest "<$key>"
    done

    keys guest C-a h
    shows guest 'C-a x +exit emulator'
    keys guest C-a c
    shows guest '\(qemu\)'
    keys guest 'info status' Enter
    shows guest 'VM status: running'
    keys guest C-a c
    keys guest e
    shows guest '<65>'

    shows guest 'login: '
    keys guest C-c # ends getty
    shows guest 'getty 1 has ended'
    shows guest 'login: '
    keys guest root Enter
    shows guest 'password:'
    keys guest C-c
    shows guest 'login: INT'
    keys guest "C-\\"
    shows guest 'login: QUIT'
    keys guest C-z
    shows guest 'login: TSTP'
    keys guest bye Enter
    shows guest 'getty 2 has ended'

    shows guest 'shell> '
    # the line editor would read keys typed before the program runs
    keys guest 'echo runs=$$; sleep 1000' Enter
    shows guest 'runs=[0-9]'
    keys guest C-c
    shows guest 'shell> '
    keys guest 'echo runs=$$; cat; echo status=$?' Enter
    shows guest 'runs=[0-9]'
    keys guest C-z
    shows guest 'Stopped'
    keys guest 'echo runs=$$; fg' Enter
    shows guest 'runs=[0-9]'
    keys guest "C-\\"
    shows guest 'Quit'
    shows guest 'shell> '
    keys guest C-d
    shows guest 'the shell has ended'
    is_left guest 0
}

@test "keys go to the guest while its init waits, and asks: reboot, switch off" {
    on_terminal waiting --verbose --append 'root=/dev/vdz rootfstype=ext4 vm.device-timeout=3'
    shows waiting 'Linux version' # by --verbose
    shows waiting 'vdz'
    bytes waiting 03 1a 1c
    shows waiting 'Press one of these keys'
    bytes waiting 03 1c
    keys waiting r
    shows waiting 'Linux version'
    shows waiting 'Press one of these keys'
    keys waiting p
    is_left waiting 70
    run ! grep 'powering the guest down' "$BATS_FILE_TMPDIR/waiting/screen"
    clean <"$BATS_FILE_TMPDIR/waiting/screen" | tail -n 3 >"$BATS_FILE_TMPDIR/waiting/last"
    says "$BATS_FILE_TMPDIR/waiting/last" '^run-vm: error: the boot failed at "devices": /dev/vdz: no such'
}

@test "Ctrl-A X ends QEMU at any time" {
    on_terminal ended -- -S
    until_true is_raw ended
    keys ended C-a x
    is_left ended 0
}

# ends_by NAME STATUS SIGNAL PROCESS...
ends_by() {
    on_terminal "$1" -- -S
    until_true is_raw "$1"
    kill "-$3" "$(child "$1" "${@:4}")"
    is_left "$1" "$2"
}

@test "the terminal is restored and the directory removed when a signal ends QEMU or run-vm" {
    ends_by qemu-killed 137 KILL run-vm qemu
    ends_by qemu-aborts 134 ABRT run-vm qemu
    local signal
    for signal in QUIT USR1 HUP; do
        on_terminal "$signal" -- -S
        until_true is_raw "$signal"
        kill "-$signal" "$(child "$signal" run-vm)"
        shows "$signal" 'powering the guest down'
        sleep 0.3 # a signal less than 200 ms after the first repeats it
        kill "-$signal" "$(child "$signal" run-vm)"
        is_left "$signal" 0
    done
}

# is_given_back NAME: the terminal is restored, and no temporary file is left.
is_given_back() {
    local directory=$BATS_FILE_TMPDIR/$1
    [ "$(stty -g <"$(ask_tmux "$1" '#{pane_tty}')")" = "$(cat "$directory/before")" ] &&
        [ -z "$(ls -A "$directory/tmp")" ]
}

@test "the terminal is restored and the directory removed when run-vm itself is killed" {
    local qemu
    on_terminal killed -- -S
    until_true is_raw killed
    qemu=$(child killed run-vm qemu)
    kill -KILL "$(child killed run-vm)"
    until_true has_ended "$BATS_FILE_TMPDIR/killed"
    [ "$(cat "$BATS_FILE_TMPDIR/killed/status")" = 137 ]
    until_true is_given_back killed
    until_true is_gone "$qemu"
}

@test "a plain -serial stdio leaves Ctrl-C and Ctrl-\\ what they are for QEMU: they end the guest" {
    on_terminal plain -- -S -serial stdio
    until_true is_raw plain
    keys plain C-c
    shows plain 'powering the guest down'
    sleep 0.3
    keys plain "C-\\"
    is_left plain 0
}

# A VNC viewer that types Ctrl-Alt-2 and then the word "quit".
vnc_types_quit() {
    timeout "$TIME_LIMIT" python3 - "$1" <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.recv(12)
s.send(b"RFB 003.008\n")
assert 1 in s.recv(64)[1:]
s.send(b"\1")
s.recv(4)
s.send(b"\1")
s.recv(4096)
def key(*codes):
    for down, order in (1, codes), (0, reversed(codes)):
        for code in order:
            s.send(struct.pack(">BBHI", 4, down, 0, code))
key(0xffe3, 0xffe9, ord("2"))
for letter in b"quit":
    key(letter)
key(0xff0d)
while s.recv(4096):
    pass
END
}

@test "with graphics QEMU's monitor is behind Ctrl-Alt-2, and Ctrl-C on the terminal powers down" {
    on_terminal window -o virtualisation.graphics=true -- -S -display "vnc=unix:$BATS_FILE_TMPDIR/vnc"
    until_true [ -S "$BATS_FILE_TMPDIR/vnc" ]
    vnc_types_quit "$BATS_FILE_TMPDIR/vnc"
    is_left window 0

    on_terminal interrupted -o virtualisation.graphics=true -- -S -display "vnc=unix:$BATS_FILE_TMPDIR/second"
    until_true [ -S "$BATS_FILE_TMPDIR/second" ] # QEMU's monitor listens by then
    keys interrupted C-c
    shows interrupted 'powering the guest down'
    sleep 0.3
    keys interrupted C-c
    is_left interrupted 0
}
