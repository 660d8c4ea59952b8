#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a running QEMU says of its devices: options that are seen neither in the arguments alone nor
# by a guest that has no driver for them.

load harness

# devices NAME [run-vm's arguments]: QEMU's own list of its devices, in NAME/devices. The guest does
# not start.
devices() {
    local directory=$BATS_FILE_TMPDIR/$1
    mkdir -p "$directory/tmp"
    TMPDIR=$directory/tmp USE_TMPDIR=1 NIX_DISK_IMAGE=$directory/disk.qcow2 \
        boot_as_is "$@" -- -S -vnc "unix:vnc" 3>&- &
    local pid=$!
    while ! socat -t 30 - "UNIX-CONNECT:$directory/tmp/run-vm.qmp" <<'END' >"$directory/devices" 2>/dev/null
{"execute": "qmp_capabilities"}
{"execute": "human-monitor-command", "arguments": {"command-line": "info qtree"}}
{"execute": "quit"}
END
    do
        kill -0 "$pid" || return
    done
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
