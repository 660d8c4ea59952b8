# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# bats runs this once before all tests of the command line.

setup_suite() {
    export PATH=$PATH:/usr/sbin:/sbin # depmod and mke2fs, which an ordinary user's PATH does not reach
}
