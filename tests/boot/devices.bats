#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A running QEMU's own list of devices, and the kernel's view of its sandbox: for options whose effect
# shows neither in the arguments alone nor in a guest without a driver.

load harness

# ask DIRECTORY COMMAND: prints QEMU's answer to a command of its human monitor.
ask() {
    qmp "$1/tmp/run-vm.qmp" \
        "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"$2\"}}"
}

# devices NAME [run-vm's arguments]: writes QEMU's own list of its devices to NAME/devices and the
# kernel's status of its process to NAME/process. The guest does not start.
devices() {
    local directory=$BATS_FILE_TMPDIR/$1
    mkdir -p "$directory/tmp"
    TMPDIR=$directory/tmp USE_TMPDIR=1 NIX_DISK_IMAGE=$directory/disk.qcow2 \
        boot_as_is "$@" -- -S -vnc "unix:vnc" -pidfile "$directory/pid" 3>&- &
    local pid=$!
    # the answers end with the connection; try again until the monitor exists
    asked() {
        ask "$1" "info qtree" >"$1/devices" 2>/dev/null
    }
    while_runs "$pid" asked "$directory"
    cat "/proc/$(cat "$directory/pid")/status" >"$directory/process"
    ask "$directory" quit >/dev/null
    wait "$pid" || true
    ended "$1"
    # the list is one JSON string, its lines separated by \r\n
    sed 's/\\r\\n/\n/g; s/\\"/"/g' -i "$directory/devices"
}

@test "a resolution that is set is what the display prefers" {
    devices display -o virtualisation.graphics=true -o 'virtualisation.resolution={"x":800,"y":600}'
    says "$BATS_FILE_TMPDIR/display/devices" 'dev: VGA'
    says "$BATS_FILE_TMPDIR/display/devices" 'xres = 800'
    says "$BATS_FILE_TMPDIR/display/devices" 'yres = 600'
    run ! grep 'not used' "$BATS_FILE_TMPDIR/display/console"
}

@test "a guest agent that is asked for has its channel" {
    devices agent -o virtualisation.qemu.guestAgent.enable=true
    says "$BATS_FILE_TMPDIR/agent/devices" 'name = "org.qemu.guest_agent.0"'
    says "$BATS_FILE_TMPDIR/agent/devices" 'chardev = "run-vm-agent"'
}

@test "without being asked for there is neither" {
    devices plain -o virtualisation.graphics=true
    says "$BATS_FILE_TMPDIR/plain/devices" 'dev: VGA'
    run ! grep -e 'xres = 800' -e guest_agent "$BATS_FILE_TMPDIR/plain/devices"
}

@test "QEMU is in its sandbox, with a window and with options of the user's, unless that is switched off" {
    says "$BATS_FILE_TMPDIR/plain/process" '^Seccomp:.2$'
    devices off -o runVm.sandbox=false
    says "$BATS_FILE_TMPDIR/off/process" '^Seccomp:.0$'
}
