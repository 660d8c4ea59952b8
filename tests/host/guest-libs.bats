#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The recipe of the guest's libraries, with versions other than those of Debian 12.

bats_require_minimum_version 1.5.0

SCRIPTS=$BATS_TEST_DIRNAME/../../scripts

@test "a kmod to which no patch applies is named" {
    local source=$BATS_TEST_TMPDIR/source/kmod
    mkdir -p "$source"/{libkmod,shared}
    printf 'AC_INIT([kmod],\n\t[99.1],\n\t[somebody],\n' >"$source/configure.ac"
    touch "$source"/libkmod/libkmod{,-module}.c "$source/shared/util.c"
    cd "$BATS_TEST_TMPDIR"
    run -2 env -u MAKEFLAGS make -s -f "$SCRIPTS/guest-libs.mk" kmod KMOD_NEEDS=
    [[ $output == *"kmod 99.1: none of "*"guest-libs-kmod-34.patch applies"* ]]
}

@test "kmod 34 is patched and built" {
    [ -n "${RUN_VM_LONG:-}" ] || skip "fetches another release's sources: only with RUN_VM_LONG=1"
    cd "$BATS_TEST_TMPDIR"
    mkdir -p source/kmod result
    ln -s "$RUN_VM_BUILD/guest/libs/include" kernel-headers
    # shellcheck source=scripts/apt.bash
    source "$SCRIPTS/apt.bash"
    apt_begin "$PWD/apt" trixie deb-src
    apt_fetch source --download-only --tar-only kmod
    tar -x --strip-components=1 -C source/kmod -f kmod_34*.orig.tar.xz
    run -0 env -u MAKEFLAGS make -s -f "$SCRIPTS/guest-libs.mk" kmod KMOD_NEEDS=
    nm -A result/lib/libkmod.a | grep ' T kmod_module_probe_insert_module'
}
