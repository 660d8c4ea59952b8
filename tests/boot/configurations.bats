#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The guest's view of a configuration of tests/host/configurations.bats.

load harness
load command

@test "an empty disk is found by the serial of its drive, formatted and mounted" {
    DEMO=${DEMO_CONFIG:-$("$BATS_TEST_DIRNAME/../../scripts/build-demo")}
    # without the demonstration system's disk image
    jq 'del(.virtualisation.diskImage)' "$DEMO" >"$BATS_TEST_TMPDIR/demo.json"
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    timeout --foreground "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$BATS_TEST_TMPDIR/demo.json" \
        --config "$BATS_TEST_DIRNAME/../host/configurations/persist-by-id.json" \
        -o virtualisation.graphics=false --exec sh -c 'grep " /nix/persist ext4 " /proc/mounts &&
            echo kept >/nix/persist/file && cat /sys/block/vda/serial /sys/block/vda/size' \
        </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || { cat "$BATS_TEST_TMPDIR/err" && false; }
    says "$BATS_TEST_TMPDIR/out" '^/dev/vda /nix/persist ext4 rw'
    says "$BATS_TEST_TMPDIR/out" '^persist524288$' # 256 MiB in sectors; the serial has no line's end
}
