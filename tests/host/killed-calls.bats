#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# SIGKILL at every system call of a start, in turn: see faults.bash.
# shellcheck disable=SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load faults

@test "killed at each system call of a start" {
    prepare_campaign
    at=1
    while read -r count call; do
        for (( ; at <= count; at += STEP)); do
            inject "$call" signal=KILL "$at"
        done
        at=$((at - count))
    done <"$HOME/calls"
    echo "# host faults, kills: $cases cases, $failures failures" >&3
    [ "$failures" = 0 ]
}
