#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The habits of NixOS's test driver: a client that starts and drives two machines as the driver does. One
# session (tests/driver/session) makes all checks; each test here is the result of one of them.

load harness

setup_file() {
    # a short path: the path of a socket has at most 107 bytes
    SESSION=$(mktemp -d /tmp/driver.XXXXXX)
    export SESSION
    # some five boots
    timeout --kill-after=10 "$((TIME_LIMIT * 4))" "$BATS_TEST_DIRNAME/../driver/session" "$SESSION" \
        >"$BATS_FILE_TMPDIR/results" 2>"$BATS_FILE_TMPDIR/errors" 3>&- || true
}

teardown_file() {
    rm -rf "$SESSION"
}

# result NAME: the check succeeded.
result() {
    grep -qx "ok $1" "$BATS_FILE_TMPDIR/results" && return
    cat "$BATS_FILE_TMPDIR/results"
    tail -n 20 "$BATS_FILE_TMPDIR/errors"
    return 1
}

@test "two machines start with the driver's arguments, and their shells connect" {
    result start
}

@test "commands have their status and output: UTF-8, 100 kB, a time limit" {
    result commands
}

@test "files are copied both ways through shared and xchg" {
    result copies
}

@test "both of the driver's monitors answer" {
    result monitors
}

@test "a screenshot shows the guest's display" {
    result screenshot
}

@test "keys arrive in the guest" {
    result keys
}

@test "network interfaces have the names of virtualisation.interfaces" {
    result names
}

@test "two nodes on a switch reach each other, except while one is blocked" {
    result network
}

@test "the driver's arguments, and a memory backend, come in QEMU_OPTS as well" {
    result environment
}

@test "poweroff in the guest, and quit in the monitor, end the machine" {
    result shutdown
    result crash
}

@test "a machine that is reset boots again with its disk, and its shell connects again" {
    result reset
}

@test "a machine that hangs is released within a second, and nothing is left of any" {
    result hang
    result leftovers
}
