# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Once before all tests of the command line.

setup_suite() {
    export PATH=$PATH:/usr/sbin:/sbin # where an ordinary user's PATH does not lead, depmod and mke2fs
}
