#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# An existing image that boots by a loader of its own (virtualisation.directBoot.enable = false).

load harness

@test "without a kernel from the host an existing image boots by itself, and is not changed" {
    cd "$BATS_TEST_TMPDIR"
    # a boot sector that prints a line to the serial port and powers off (ACPI, q35)
    printf '\x31\xc0\x8e\xd8\xfc\xba\xf8\x03\xbe\x1d\x7c\xac\x84\xc0\x74\x03\xee\xeb\xf8\xba\x04\x06\xb8\x00\x20\xef\xf4\xeb\xfe' >own.raw
    printf 'own loader\r\n\0' >>own.raw
    truncate -s 510 own.raw
    printf '\x55\xaa' >>own.raw
    truncate -s 1M own.raw
    cp own.raw before.raw
    echo '{"virtualisation":{"directBoot":{"enable":false},"useDefaultFilesystems":false,"diskSize":"auto",
        "graphics":false,"fileSystems":{"_type":"override","priority":50,"content":{}}}}' >vm.json
    NIX_DISK_IMAGE=$PWD/own.raw timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" \
        --config "$DEMO_CONFIG" --config vm.json -a quiet </dev/null >console 2>&1
    says console 'own loader'
    says console '^run-vm: warning: command line: --append has no effect: virtualisation.directBoot.enable is false'
    cmp own.raw before.raw
}
