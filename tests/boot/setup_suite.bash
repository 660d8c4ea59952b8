# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Once before all boot tests: the demonstration system is built.

setup_suite() {
    local root
    root=$(realpath "$BATS_TEST_DIRNAME/../..")
    export RUN_VM_BUILD=${RUN_VM_BUILD:-$root/build}
    export PATH=$PATH:/usr/sbin:/sbin # where an ordinary user's PATH does not lead, depmod and mke2fs
    export RUN_VM_PROGRAM=${RUN_VM_PROGRAM:-$RUN_VM_BUILD/run-vm}
    DEMO_CONFIG=$("$root/scripts/build-demo" 2>"$BATS_SUITE_TMPDIR/build-demo") || {
        cat "$BATS_SUITE_TMPDIR/build-demo"
        return 1
    }
    export DEMO_CONFIG
    # Whoever runs the tests may have said something to run-vm by these.
    unset NIX_DISK_IMAGE SHARED_DIR USE_TMPDIR NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS QEMU_KERNEL_PARAMS
}
