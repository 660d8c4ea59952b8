#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The script of `make run`, without a terminal and on one.

load harness

demo=$BATS_TEST_DIRNAME/../systems/demo/run

setup() {
    export NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.qcow2
}

@test "without a terminal: a report of what the system found, and the machine powers off" {
    timeout --kill-after=30 "$TIME_LIMIT" "$demo" </dev/null 2>&1 | clean >"$BATS_TEST_TMPDIR/console"
    [ "${PIPESTATUS[0]}" = 0 ]
    local registered
    # the closure, and the store path of the registration itself
    registered=$(($(wc -l <"$(configured .runVm.store)$(configured .system.build.regInfo)/store-paths") + 1))
    says "$BATS_TEST_TMPDIR/console" "^demo: system $(configured .system.build.toplevel)\$"
    says "$BATS_TEST_TMPDIR/console" '^demo: mount / ext4 '
    says "$BATS_TEST_TMPDIR/console" "^demo: registered $registered\$"
    says "$BATS_TEST_TMPDIR/console" '^demo: uptime [0-9.]+$'
}

# Types into the terminal once the shell runs: the firmware would read earlier keys.
@test "on a terminal: a shell, and the machine powers off when it ends" {
    local line output
    : >"$BATS_TEST_TMPDIR/console"
    coproc VM { timeout --kill-after=30 "$TIME_LIMIT" script --quiet --return --command "$demo" /dev/null 2>&1; }
    local pid=$VM_PID
    # bash closes its own descriptors as soon as the coprocess exits, even if output is unread
    exec {output}<&"${VM[0]}"
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    while read -r -t "$TIME_LIMIT" line <&"$output"; do
        line=$(clean <<<"$line")
        echo "$line" >>"$BATS_TEST_TMPDIR/console"
        case $line in
        "demo: a shell"*) echo 'echo "the answer is $((6 * 7))"; tty; exit' >&"${VM[1]}" ;;
        esac
    done
    exec {output}<&-
    wait "$pid"
    says "$BATS_TEST_TMPDIR/console" '^the answer is 42$'
    says "$BATS_TEST_TMPDIR/console" '^/dev/(ttyS0|hvc0|console)$'
    says "$BATS_TEST_TMPDIR/console" '^demo: power off$'
}
