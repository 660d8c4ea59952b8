#!/usr/bin/env bats
# SPDX-License-Identifier: MIT

@test "no power cut loses what was synced, and the next boot repairs or uses what it left" {
    export POWER_CUTS_DIR=$BATS_TEST_TMPDIR
    cuts=(11 27) # the fewest with one in each phase of both boots
    [ -z "${RUN_VM_LONG:-}" ] || cuts=(1 500)
    run "$BATS_TEST_DIRNAME/power-cuts" "${cuts[@]}"
    echo "$output"
    echo "# ${lines[-1]}" >&3
    [ "$status" -eq 0 ]
}
