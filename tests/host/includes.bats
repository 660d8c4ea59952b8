#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# scripts/check-includes: each wall between the wings, broken once in a copy of the sources.

bats_require_minimum_version 1.5.0

setup() {
    root=$BATS_TEST_DIRNAME/../..
    cd "$BATS_TEST_TMPDIR" || return
    cp -r "$root"/{base,common,host,init} .
}

# add FILE HEADER...: adds a source or header that includes those.
add() {
    mkdir -p "${1%/*}"
    printf '#include "%s"\n' "${@:2}" >"$1"
}

# finds TEXT: the check fails, and every line of its output begins with TEXT.
finds() {
    local line
    run -1 "$root/scripts/check-includes" .
    for line in "${lines[@]}"; do
        [[ $line == "$1"* ]]
    done
}

# breaks FILE HEADER: FILE may not include HEADER.
breaks() {
    add "$1" "$2"
    finds "$1 includes $2: "
    rm "$1"
}

@test "the tree itself keeps every wall" {
    "$root/scripts/check-includes"
}

@test "base/ includes nothing of ours but base/" {
    breaks base/new.c common/frame.h
    breaks base/new.h host/system/new.h
    breaks base/new.h init/new.h
}

@test "common/ includes only base/" {
    breaks common/new.c host/system/new.h
    breaks common/new.h init/new.h
}

@test "host/ and init/ never include each other" {
    breaks host/new.c init/console.h
    breaks host/run/new.h init/exec/new.h
    breaks init/new.c host/commandline.h
    breaks init/exec/new.h host/run/new.h
}

@test "host/config, host/plan and host/machine include nothing of what prepares and runs" {
    for pure in config plan machine; do
        for later in cache initrd store prepare run; do
            breaks "host/$pure/new.c" "host/$later/new.h"
        done
    done
}

@test "init/plan includes nothing of init's other wings" {
    for other in "" devices/ format/ mount/ nix/ exec/ stage2/; do
        breaks init/plan/new.h "init/${other}new.h"
    done
}

@test "an include without its wing is refused" {
    breaks base/new.c text.h
}

@test "an include circle is found, of two files and of three" {
    add base/new.h base/newer.h
    add base/newer.c base/new.h
    finds "include circle:"
    grep -E "include circle: .*\<base/new\>" <<<"$output"
    grep -E "include circle: .*\<base/newer\>" <<<"$output"
    add base/newer.c base/newest.h
    add base/newest.h base/new.h
    finds "include circle:"
    grep -E "include circle: .*\<base/newest\>" <<<"$output"
}

@test "two files of a half may not have the same name" {
    add host/run/new.h base/text.h
    add init/exec/new.h base/text.h
    "$root/scripts/check-includes" .
    add host/plan/new.h base/text.h
    finds "host/plan/new.h and host/run/new.h: the same name"
}
