# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bats runs this once before all boot tests: it builds the demonstration system.

setup_suite() {
    local root
    root=$(realpath "$BATS_TEST_DIRNAME/../..")
    export RUN_VM_BUILD=${RUN_VM_BUILD:-$root/build}
    export PATH=$PATH:/usr/sbin:/sbin # depmod and mke2fs, which an ordinary user's PATH does not reach
    # the machines of the tests are listed nowhere else; some tests open all of BATS_RUN_TMPDIR to others
    export XDG_RUNTIME_DIR=$BATS_RUN_TMPDIR/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    export RUN_VM_PROGRAM=${RUN_VM_PROGRAM:-$RUN_VM_BUILD/run-vm}
    DEMO_CONFIG=$("$root/scripts/build-demo" 2>"$BATS_SUITE_TMPDIR/build-demo") || {
        cat "$BATS_SUITE_TMPDIR/build-demo"
        return 1
    }
    export DEMO_CONFIG
    # The caller's variables must not affect the tests.
    unset NIX_DISK_IMAGE SHARED_DIR USE_TMPDIR NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS QEMU_KERNEL_PARAMS
}
