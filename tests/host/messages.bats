#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2120,SC2154
# run-vm's messages, and their look on any terminal.
# shellcheck disable=SC2154 # $stderr is bats's

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    unset TMPDIR USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS
    key=$(printf 'a%.0s' {1..32})
    mkdir -p qemu/bin cache/run-vm/kernel-"$key"
    ln -s /bin/true qemu/bin/qemu-kvm
    ln -s /bin/true qemu/bin/qemu-img
}

# run_vm ARGUMENT...: a dry run with an empty kernel and no modules.
run_vm() {
    "$RUN_VM_PROGRAM" --accel tcg --kernel /dev/null --modules-dir / --init /init \
        -o virtualisation.qemu.package="$PWD/qemu" --dry-run "$@"
}

# other_bytes FILE...: prints lines that contain bytes other than ASCII; -: standard input.
other_bytes() {
    LC_ALL=C grep -nPd skip '[^\x00-\x7f]' "$@"
}

# Prints the product's sources, relative to the top of the tree.
sources() {
    find base common host init -name '*.c'
}

@test "help fits 80 columns, and says all that it did" {
    for command in --help "cache --help"; do
        # shellcheck disable=SC2086 # two words
        run -0 --separate-stderr "$RUN_VM_PROGRAM" $command
        [ "${#lines[@]}" -gt 4 ]
        for line in "${lines[@]}"; do
            [ "${#line}" -le 80 ] || {
                echo "too long: $line"
                return 1
            }
            [[ $line != *" " ]]
        done
    done
    run -0 --separate-stderr "$RUN_VM_PROGRAM" --help
    text=$(tr -s ' \n' ' ' <<<"$output")
    [[ $text == *" -C, --config FILE the configuration, JSON (run-vm.json(5)); - is standard input; may be repeated "* ]]
    [[ $text == *" -n, --dry-run[=FORMAT] print QEMU's command (text) or the whole plan (json), and make nothing "* ]]
    [[ $text == *" --exec COMMAND [ARGUMENT...] run this in the guest instead of stage 2; the last option "* ]]
}

@test "no text of ours has a character that a C locale has not" {
    cd "$BATS_TEST_DIRNAME/../.." || return
    for file in $(sources | LC_ALL=C xargs grep -lP '[\x80-\xff]'); do
        # without comments, which no user sees
        gcc -fpreprocessed -dD -E -P "$file" >"$BATS_TEST_TMPDIR/code"
        run other_bytes "$BATS_TEST_TMPDIR/code"
        [ -z "$output" ] || {
            echo "$file: $output"
            return 1
        }
    done
    run other_bytes scripts/* Makefile
    [ -z "$output" ]
}

@test "in a C locale names of the user's are as they were given" {
    for locale in C POSIX nonsense C.UTF-8; do
        LC_ALL=$locale run -0 --separate-stderr "$RUN_VM_PROGRAM" --help
        other_bytes - <<<"$output" && return 1
        LC_ALL=$locale run -0 --separate-stderr "$RUN_VM_PROGRAM" cache list
        [[ $output == *"kernel-$key"*"1 entries, "* ]]
        other_bytes - <<<"$output" && return 1
        LC_ALL=$locale run -65 --separate-stderr run_vm -o virtualisation.cores=Bücher
        [[ $stderr == *'is "Bücher", expected '* ]]
        LC_ALL=$locale run -65 --separate-stderr run_vm -o "virtualisation.cores=$(printf 'ü%.0s' {1..99})"
        iconv -f UTF-8 -t UTF-8 <<<"$stderr" >/dev/null
    done
}

@test "types are said in words of everybody" {
    run -65 --separate-stderr run_vm -o virtualisation.graphics=yes
    [[ $stderr == *'virtualisation.graphics: is "yes", expected true or false' ]]
    run -65 --separate-stderr run_vm -o 'virtualisation.cores={"_type":"if","content":2}'
    [[ $stderr == *'"condition" that is true or false' ]]
    run -0 --separate-stderr run_vm -o virtualisation.memorySize=20
    [[ $stderr == *'memorySize is 20 MiB'* ]]
    cd "$BATS_TEST_DIRNAME/../.." || return
    # shellcheck disable=SC2046 # no name has a space
    run -1 grep -nE '"[^"]*([0-9] ?[kKMGT]B\b|[us] [kMGT]B\b)' $(sources)
}

# on_a_terminal [VARIABLE...]: prints what a wrong option shows on a terminal, with these variables.
on_a_terminal() {
    script -qec "env -u NO_COLOR TERM=xterm $* '$RUN_VM_PROGRAM' --no-such-option" /dev/null </dev/null
}

@test "the word error is red on a terminal, but not with NO_COLOR or on a dumb one" {
    local red=$'\033[1;31m' option
    [[ $(on_a_terminal) == *"$red"* ]]
    [[ $(on_a_terminal NO_COLOR=) == *"$red"* ]]
    for option in NO_COLOR=1 TERM=dumb; do
        run on_a_terminal "$option"
        [[ $output == *"no such option"* && $output != *$'\033[1'* ]]
    done
}
