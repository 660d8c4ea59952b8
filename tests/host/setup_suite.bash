# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bats runs this once before all tests of the command line.

setup_suite() {
    export PATH=$PATH:/usr/sbin:/sbin # depmod and mke2fs, which an ordinary user's PATH does not reach
    # the machines of the tests are listed nowhere else; some tests open all of BATS_RUN_TMPDIR to others
    export XDG_RUNTIME_DIR=$BATS_RUN_TMPDIR/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR"
}
