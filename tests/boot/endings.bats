#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every end of a guest: run-vm exits when QEMU exits by itself; otherwise a signal ends both within the
# time limits. Also consoles that nobody reads.

load guest

setup_file() {
    kernel
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
# waits for the power button
power_button() {
    for event in /sys/class/input/event*; do
        [ "$(cat $event/device/name)" != "Power Button" ] || head -c 24 /dev/input/${event##*/} >/dev/null
    done
}
flood() {
    dmesg -n 1 # kernel messages would break up lines
    echo "flood $1 begins"
    seq 20000
    echo "flood $1 ends"
}
case $(sed 's/ /\n/g' /proc/cmdline | sed -n 's/^test.end=//p') in
reset) echo b >/proc/sysrq-trigger ;;
panic) echo c >/proc/sysrq-trigger ;;
reboot) reboot -f ;;
debug-port) printf '\025' | dd of=/dev/port bs=1 seek=244 count=1 conv=notrunc ;;
halt) halt -f ;;
hang)
    yes 'it is written' | head -n 200000 | dd of=/dev/vda bs=64k conv=fsync
    echo "it hangs"
    echo c >/proc/sysrq-trigger
    ;;
hibernate)
    mkswap /dev/vda
    swapon /dev/vda
    echo disk >/sys/power/state
    ;;
ignore)
    echo "it listens"
    power_button
    echo "it has heard the button"
    echo mem >/sys/power/state
    ;;
late)
    echo "it does not listen yet"
    sleep 5
    power_button
    poweroff -f
    ;;
flood)
    (flood one && flood two) &
    power_button
    poweroff -f
    ;;
esac
echo "it goes on"
END
}

teardown_file() {
    figures endings
}

# start NAME [run-vm's arguments]: starts run-vm in the background, in a process group of its own. In
# NAME: out and err, tmp (the parent of its temporary directory), pid (of the timeout(1) that it runs
# under). $OUT: another file for its standard output.
start() {
    local name=$1 directory=$BATS_FILE_TMPDIR/$1
    shift
    mkdir -p "$directory/tmp"
    : >"$directory/out"
    TMPDIR=$directory/tmp setsid timeout --signal=KILL "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
        --modules-dir "$MODULES" --root-dir "$BATS_FILE_TMPDIR/tree" \
        -o virtualisation.memorySize=256 -o virtualisation.graphics=false --append "test.end=$name" \
        "$@" </dev/null >"${OUT:-$directory/out}" 2>"$directory/err" 3>&- 7>&- &
    echo $! >"$directory/pid"
}

# start_plain NAME [run-vm's arguments]: the same, with the tree's stage 2 in the guest.
start_plain() {
    start "$1" --init /sbin/init "${@:2}"
}

# Prints the child of a process.
child() {
    cut -d ' ' -f 1 "/proc/$1/task/$1/children"
}

# comes NAME out|err REGEX: waits for a matching line.
comes() {
    wait_for "$BATS_FILE_TMPDIR/$1/$2" "$3" "$(cat "$BATS_FILE_TMPDIR/$1/pid")"
}

# state_is NAME STATE: QEMU reports that state of the machine.
state_is() {
    qmp "$(echo "$BATS_FILE_TMPDIR/$1"/tmp/*/run-vm.qmp)" '{"execute": "query-status"}' 2>&1 | grep -q "\"status\".*$2"
}

# sleeps NAME: waits until QEMU reports that the guest sleeps.
sleeps() {
    while_runs "$(cat "$BATS_FILE_TMPDIR/$1/pid")" state_is "$1" '"suspended"'
}

# signal NAME SIGNAL [group]: signals run-vm, or its process group as the terminal does. Records QEMU's
# process ID first.
signal() {
    local directory=$BATS_FILE_TMPDIR/$1 timeout run_vm
    timeout=$(cat "$directory/pid")
    run_vm=$(child "$timeout")
    child "$run_vm" >"$directory/qemu"
    if [ "${3:-}" ]; then
        kill "-$2" -- "-$timeout"
    else
        kill "-$2" "$run_vm"
    fi
}

# is NAME STATUS: run-vm exits with STATUS, and leaves neither QEMU nor temporary files.
is() {
    local directory=$BATS_FILE_TMPDIR/$1 status=0
    wait "$(cat "$directory/pid")" || status=$?
    [ "$status" = "$2" ] && [ -z "$(ls -A "$directory/tmp")" ] &&
        { [ ! -e "$directory/qemu" ] || until_true is_gone "$(cat "$directory/qemu")"; } && return
    echo "$1: status $status, expected $2; temporary: $(ls -A "$directory/tmp")"
    clean <"$directory/out" | tail -n 20
    cat "$directory/err"
    return 1
}

@test "run-vm ends with QEMU however the guest ends it: power off, reset, panic, triple fault, debug port, hibernation" {
    local name
    # two boots at a time
    begin "power off" reset
    start poweroff --exec poweroff -f
    start_plain reset -- -no-reboot
    is poweroff 125
    says "$BATS_FILE_TMPDIR/poweroff/err" 'poweroff: no exit status: QEMU exited before'
    is reset 0
    passed

    begin panic "triple fault"
    start_plain panic --append panic=-1 -- -no-reboot
    start_plain reboot --append reboot=t -- -no-reboot
    is panic 0
    says "$BATS_FILE_TMPDIR/panic/out" 'Kernel panic'
    is reboot 0
    passed

    begin "debug port" hibernation
    start_plain debug-port -- -device isa-debug-exit,iobase=0xf4,iosize=1
    start_plain hibernate -o 'virtualisation.emptyDiskImages=[512]' --append no_console_suspend \
        --append loglevel=7
    is debug-port 43
    is hibernate 0
    says "$BATS_FILE_TMPDIR/hibernate/out" 'PM: hibernation: Wrote [0-9]+ kbytes'
    passed
    for name in reset panic reboot debug-port hibernate; do
        run ! grep 'it goes on' "$BATS_FILE_TMPDIR/$name/out"
    done
}

# A root that does not exist.
NOWHERE='root=/dev/vdz rootfstype=ext4 vm.device-timeout=1'

# last_line NAME REGEX: the last line on run-vm's standard error matches.
last_line() {
    tail -n 1 "$BATS_FILE_TMPDIR/$1/err" >"$BATS_FILE_TMPDIR/$1/last"
    says "$BATS_FILE_TMPDIR/$1/last" "$2"
}

@test "a boot that init ends as failed has a status of its own, whatever that leads to, and the reason last" {
    local name late=$BATS_FILE_TMPDIR/late.img
    begin "failed boot" "failed boot and reboot" "failed boot and panic"
    start failed --append "$NOWHERE"
    start failed-reboot --append "$NOWHERE vm.onfail=reboot" -- -no-reboot
    is failed 70
    is failed-reboot 70
    start failed-panic --append "$NOWHERE vm.onfail=panic panic=-1" -- -no-reboot
    is failed-panic 70
    for name in failed failed-reboot failed-panic; do
        last_line "$name" '^run-vm: the boot failed at "devices": /dev/vdz: no such block device appeared'
        # no escape sequence of the firmware resets the terminal or leaves wrapping off
        run ! grep -aq -e $'\ec' -e $'\e\[?7l' "$BATS_FILE_TMPDIR/$name/out"
        grep -aq $'\e\[?7hrun-vm: the boot failed' "$BATS_FILE_TMPDIR/$name/out"
    done
    says "$BATS_FILE_TMPDIR/failed-panic/out" 'Kernel panic'
    passed

    # the second boot of the same QEMU finds its root
    begin "failed boot, then a good one"
    truncate -s 64M "$late"
    start found --init /sbin/init -o 'boot.initrd.availableKernelModules=["virtio_blk","ext4"]' \
        --append 'root=LABEL=late rootfstype=ext4 vm.device-timeout=2 vm.onfail=reboot' \
        -- -drive "if=virtio,format=raw,file.locking=off,file=$late"
    comes found out 'the boot failed at "devices"'
    mkfs.ext4 -q -F -L late -d "$BATS_FILE_TMPDIR/tree" "$late"
    comes found out 'it goes on'
    is found 0
    run ! grep 'the boot failed' "$BATS_FILE_TMPDIR/found/err"
    passed
}

# descendants PID: prints the processes that it has started, and those that these have started.
descendants() {
    local pid
    cat "/proc/$1/task"/*/children | tr -s ' ' '\n' | while read -r pid; do
        echo "$pid"
        descendants "$pid"
    done
}

@test "--on-term=quit ends a guest that hangs at once, its helpers with it, and loses nothing that QEMU has written" {
    local directory=$BATS_FILE_TMPDIR/hang disk=$BATS_FILE_TMPDIR/hang.qcow2 transport=9p helpers=1 pid attempt began took
    begin "hung guest"
    [ "$EUID" != 0 ] || { transport=virtiofs helpers=2; } # QEMU 7's own server is for root only
    for attempt in 1 2 3; do
        qemu-img create -q -f qcow2 "$disk" 16M
        start_plain hang --on-term=quit -o "runVm.transport=$transport" --append loglevel=7 \
            -o "virtualisation.qemu.drives=[{\"file\": \"$disk\"}]" \
            -o 'boot.initrd.availableKernelModules=["virtio_blk"]'
        comes hang out 'end Kernel panic'
        descendants "$(child "$(cat "$directory/pid")")" >"$directory/processes"
        [ "$(wc -l <"$directory/processes")" -ge "$helpers" ]
        began=${EPOCHREALTIME/[.,]/}
        signal hang TERM
        is hang 0
        took=$((${EPOCHREALTIME/[.,]/} - began))
        echo "# attempt $attempt took $((took / 1000)) ms" # 60 ms where the processors are idle
        [ "$took" -ge 2000000 ] || break
    done
    # without the option it is a minute, and a QEMU that does not quit is killed after 5 s
    [ "$took" -lt 10000000 ]
    while read -r pid; do
        until_true is_gone "$pid"
    done <"$directory/processes"
    qemu-img check -q "$disk"
    [ "$(head -c 2800000 "$(raw_image "$disk")" | sort | uniq -c)" = " 200000 it is written" ]
    says "$directory/out" 'it hangs'
    passed
}

# NixOS's test driver ends the script's QEMU with one signal.
@test "called as run-NAME-vm a signal makes QEMU quit at once" {
    local runner=$BATS_FILE_TMPDIR/run-box-vm system=$BATS_FILE_TMPDIR/system signal
    begin "run-NAME-vm and a signal"
    mkdir -p "$system/kernel-modules/lib" "$BATS_FILE_TMPDIR/runner/tmp"
    ln -s "$KERNEL" "$system/kernel"
    ln -s "${MODULES%/*}" "$system/kernel-modules/lib/modules"
    : >"$system/kernel-params"
    ln -s "$RUN_VM_PROGRAM" "$runner"
    jq -n --arg system "$system" '{virtualisation: {graphics: false, diskImage: null},
        system: {build: {toplevel: $system, regInfo: $system}}}' >"$runner.json"
    for signal in TERM INT HUP; do
        : >"$BATS_FILE_TMPDIR/runner/out"
        TMPDIR=$BATS_FILE_TMPDIR/runner/tmp setsid timeout --signal=KILL "$TIME_LIMIT" "$runner" \
            </dev/null >"$BATS_FILE_TMPDIR/runner/out" 2>"$BATS_FILE_TMPDIR/runner/err" 3>&- &
        echo $! >"$BATS_FILE_TMPDIR/runner/pid"
        comes runner out 'Linux version'
        signal runner "$signal"
        is runner 0
        run ! grep 'powering the guest down' "$BATS_FILE_TMPDIR/runner/err"
    done
    passed
}

# monitor NAME: prints the socket of QEMU's monitor, once it answers.
monitor() {
    while_runs "$(cat "$BATS_FILE_TMPDIR/$1/pid")" state_is "$1" '"prelaunch"'
    echo "$BATS_FILE_TMPDIR/$1"/tmp/*/run-vm.qmp
}

@test "a cleaner of the temporary directory breaks no machine that runs, and what it has removed is named" {
    local socket directory
    begin "cleaner, locked" "monitor's socket removed" "directory removed"
    start_plain socket -- -S
    start_plain directory -- -S
    socket=$(monitor socket)
    directory=$(monitor directory)
    directory=${directory%/*}
    # systemd-tmpfiles takes this lock before it removes anything in a directory
    run -1 flock -n "$directory" true
    if command -v systemd-tmpfiles; then
        find "${directory%/*}" -exec touch -h -d '30 days ago' {} +
        echo "d ${directory%/*} - - - 1d" >"$BATS_FILE_TMPDIR/tmpfiles"
        systemd-tmpfiles --clean "$BATS_FILE_TMPDIR/tmpfiles"
        [ -S "$directory/run-vm.qmp" ]
        [ -d "$directory/xchg" ]
    fi

    rm "$socket"
    rm -r "$directory"
    signal socket TERM
    signal directory TERM
    comes socket err 'powering the guest down'
    comes directory err 'powering the guest down'
    signal socket TERM
    signal directory TERM
    is socket 0
    is directory 0
    says "$BATS_FILE_TMPDIR/socket/err" "$socket: the socket of QEMU's monitor has been removed"
    says "$BATS_FILE_TMPDIR/directory/err" "$directory: the temporary directory has been removed"
    passed
}

@test "a guest that has halted, or sleeps, is ended by a signal in its time, a command that ends slowly is not" {
    begin halt "sleep in --exec" "slow end in --exec"
    start_plain halt
    start slow --exec sh -c 'trap "sleep 65; exit 6" TERM; echo ready; while :; do sleep 1; done'
    comes slow out ready
    signal slow TERM
    start asleep --exec sh -c 'echo mem >/sys/power/state; echo it goes on'
    comes halt out 'System halted'
    signal halt TERM
    sleeps asleep
    signal asleep TERM
    # halt and asleep are given a minute; slow has already used its own
    is halt 0
    says "$BATS_FILE_TMPDIR/halt/err" 'the guest has not powered down; QEMU quits'
    is asleep 143
    says "$BATS_FILE_TMPDIR/asleep/err" 'the guest has not accepted the signal; QEMU quits'
    run ! grep 'it goes on' "$BATS_FILE_TMPDIR"/{halt,asleep}/out
    is slow 6
    passed
}

@test "a guest that hears the power button and sleeps all the same is ended by the second Ctrl-C; one that listens late hears it" {
    begin "ignored power button" sleep "late listener"
    start_plain late
    start_plain ignore
    comes late out 'it does not listen yet'
    signal late INT group
    comes ignore out 'it listens'
    signal ignore INT group
    comes ignore out 'it has heard the button'
    sleeps ignore
    signal ignore INT group
    is ignore 0
    says "$BATS_FILE_TMPDIR/ignore/err" 'powering the guest down \(again to make QEMU quit\)'
    says "$BATS_FILE_TMPDIR/ignore/err" 'the guest has not powered down; QEMU quits'
    run ! grep 'terminating on signal' "$BATS_FILE_TMPDIR/ignore/err"
    is late 0
    says "$BATS_FILE_TMPDIR/late/err" 'powering the guest down \(again to make QEMU quit\)'
    run ! grep 'has not powered down' "$BATS_FILE_TMPDIR/late/err"
    passed
}

# is_full: the pipe on descriptor 7 is.
is_full() {
    [ "$(python3 -c 'import array, fcntl, termios
waiting = array.array("i", [0])
fcntl.ioctl(7, termios.FIONREAD, waiting)
print(waiting[0])')" -gt 61440 ]
}

# until_line TEXT: reads from that pipe up to the line.
until_line() {
    local line
    while read -rt "$TIME_LIMIT" -u 7 line; do
        echo "$line"
        [[ $line != *"$1"* ]] || return 0
    done
    return 1
}

@test "a console that nobody reads stops the guest, loses nothing, and does not keep the power button from it" {
    local directory=$BATS_FILE_TMPDIR/flood
    begin "blocked console" "blocked console and SIGTERM"
    mkdir -p "$directory"
    mkfifo "$directory/pipe"
    exec 7<>"$directory/pipe"
    OUT=$directory/pipe start_plain flood
    while_runs "$(cat "$directory/pid")" is_full
    until_line 'flood one ends' | clean >"$directory/out"
    diff <(sed -n '/flood one begins/,/flood one ends/p' "$directory/out" | grep -x '[0-9]*') <(seq 20000)
    # the guest continued with the next flood
    while_runs "$(cat "$directory/pid")" is_full
    signal flood TERM
    is flood 0
    exec 7<&-
    run ! grep 'has not powered down' "$directory/err"
    says "$directory/err" 'powering the guest down'
    passed
}
