#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Machines of processors other than the host's: QEMU has every device that is planned for them.
# tests/host/nixos-today.bats has the plans, processors.bats boots some.

load harness
load emulators

setup_file() {
    fetch_emulators
}

# starts PROCESSOR [run-vm's arguments]: QEMU makes the machine, and stops before its first instruction.
starts() {
    local directory pid
    directory=$(mktemp -d "$BATS_TEST_TMPDIR/XXXX")
    cd "$directory" || return
    TMPDIR=$directory USE_TMPDIR=1 QEMU_OPTS=$EMULATOR_FILES timeout --kill-after=5 "$TIME_LIMIT" "$RUN_VM_PROGRAM" \
        -o "nixpkgs.hostPlatform=$1-linux" -o virtualisation.directBoot.enable=false \
        -o virtualisation.diskSize=8 -o 'virtualisation.emptyDiskImages=[8]' --accel tcg "${@:2}" \
        -- -S -display none >out 2>&1 3>&- &
    pid=$!
    asked() {
        [ -S run-vm.qmp ] && qmp run-vm.qmp '{"execute": "query-status"}' >status
    }
    while_runs "$pid" asked || {
        cat out
        return 1
    }
    grep -q prelaunch status
    qmp run-vm.qmp '{"execute": "quit"}'
    wait "$pid"
}

@test "QEMU makes the machines of s390x, loongarch64 and mips64, with and without a display" {
    local processor graphics
    for processor in s390x loongarch64 mips64 mips64el; do
        for graphics in true false; do
            echo "$processor, graphics $graphics"
            starts "$processor" -o "virtualisation.graphics=$graphics" \
                -o virtualisation.qemu.guestAgent.enable=true -o virtualisation.qemu.enableSharedMemory=true
        done
    done
}

@test "a guest of RISC-V has a network card" {
    starts riscv64
    run -1 grep -F 'not created' "$BATS_TEST_TMPDIR"/*/out
}

@test "QEMU makes them with disks on SCSI and SATA, where they have these" {
    local processor interface
    for processor in loongarch64 mips64; do
        for interface in scsi ide; do
            starts "$processor" -o "virtualisation.qemu.diskInterface=$interface"
        done
    done
}
