#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The hardening that the compiler and linker flags ask for is present in the programs.

bats_require_minimum_version 1.7.0

of() { # WHAT FILE
    LC_ALL=C readelf --wide "--$1" "$2"
}

@test "run-vm is position-independent, its relocations are read-only from the start" {
    of file-header "$RUN_VM_PROGRAM" | grep -Eq 'Type: +DYN'
    of dynamic "$RUN_VM_PROGRAM" | grep -Eq 'FLAGS_1.*\bNOW\b.*\bPIE\b'
    of dynamic "$RUN_VM_PROGRAM" | grep -q BIND_NOW
    of program-headers "$RUN_VM_PROGRAM" | grep -q GNU_RELRO
    run ! grep -q TEXTREL <(of dynamic "$RUN_VM_PROGRAM")
}

@test "run-vm's functions check their buffers and their stack" {
    of dyn-syms "$RUN_VM_PROGRAM" | grep -q '__stack_chk_fail'
    of dyn-syms "$RUN_VM_PROGRAM" | grep -Eq '__[a-z]*printf_chk'
}

@test "no stack and no segment of either program is writable and executable" {
    local program
    for program in "$RUN_VM_PROGRAM" "$RUN_VM_INIT"; do
        of program-headers "$program" | grep -Eq 'GNU_STACK .* RW +0x'
        run ! grep -Eq 'LOAD .* RWE ' <(of program-headers "$program")
    done
}

@test "init is static and asks for no loader" {
    run ! grep -Eqw 'INTERP|DYNAMIC' <(of program-headers "$RUN_VM_INIT")
    of file-header "$RUN_VM_INIT" | grep -Eq 'Type: +EXEC'
}

@test "init's functions check their stack" {
    of symbols "$RUN_VM_BUILD/guest/init.debug" | grep -Eq 'FUNC .* __stack_chk_fail$'
}
