#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

@test "no disk in the zoo is formatted but the blank ones" {
    run "$BATS_TEST_DIRNAME/disk-zoo" "$RUN_VM_TOOLS/blank-probe" ${RUN_VM_LONG:+--full}
    echo "$output"
    echo "# ${lines[-1]}" >&3
    [ "$status" -eq 0 ]
}
