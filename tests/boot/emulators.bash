# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# QEMU's emulators of many processors, unpacked and not installed, because libvirtd asks each one that is there what
# it can.

# fetch_emulators: sets PATH to find them, and EMULATOR_FILES, QEMU's options for the firmware and the programs of
# cards, which QEMU looks for beside itself.
fetch_emulators() {
    local packages
    packages=$("$BATS_TEST_DIRNAME/../../scripts/fetch-package" --alone bookworm qemu-system-misc \
        qemu-system-mips qemu-system-data ipxe-qemu opensbi seabios)
    export PATH=$packages/usr/bin:$PATH
    export EMULATOR_FILES="-L $packages/usr/share/qemu -L $packages/usr/lib/ipxe/qemu -L $packages/usr/share/seabios"
}
