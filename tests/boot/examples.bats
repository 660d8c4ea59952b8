#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The examples of the manual pages. A line before each says what it is:
#
#   ; example: run      commands, run in the shell as they are
#   ; example: plan     commands that would start machines: run-vm is called with --dry-run
#   ; example: json     a configuration
#   ; example: output   printed by a command
#   ; example: other    nothing that run-vm reads

bats_require_minimum_version 1.5.0

load harness
load command

PAGES=("$BATS_TEST_DIRNAME"/../../man/*.scd)

# make_tree: makes ~/bookworm, a tree with a kernel and those of its modules that a guest may need.
make_tree() {
    local version
    make_root
    mv "$ROOT" "$HOME/bookworm"
    mkdir -p "$HOME/bookworm"/{boot,etc,tmp,lib/modules}
    echo 12.11 >"$HOME/bookworm/etc/debian_version"
    cp "$KERNEL" "$HOME/bookworm/boot"
    version=$(basename "$MODULES")
    mkdir -p "$HOME/bookworm/lib/modules/$version"
    (cd "$MODULES" && cp -a --parents modules.* kernel/{arch,crypto,fs,lib,net/9p,drivers/{block,char,net/*.ko,virtio}} \
        "$HOME/bookworm/lib/modules/$version")
    depmod -b "$HOME/bookworm" "$version"
}

# make_system: makes the files that the examples name.
make_system() {
    mkdir -p src bin linux/arch/x86/boot linux/lib/modules/6.12.0 system/kernel-modules/lib/modules/6.1.0
    touch system/{kernel,initrd,init} linux/arch/x86/boot/bzImage
    printf 'loglevel=4\n' >system/kernel-params
    echo "{\"system\": {\"build\": {\"toplevel\": \"$PWD/system\", \"regInfo\": \"/closure\"}}}" >vm.json
    printf 'int main(void)\n{\n}\n' >main.c
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$RUN_VM_PROGRAM" >bin/run-vm
    mkdir -p plan
    printf '#!/bin/sh\ncase ${1:-} in [a-z]*) exec "%s" "$@" ;; esac\nexec "%s" --dry-run "$@"\n' \
        "$RUN_VM_PROGRAM" "$RUN_VM_PROGRAM" >plan/run-vm
    chmod +x bin/run-vm plan/run-vm
}

setup_file() {
    export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
    export HOME=$BATS_FILE_TMPDIR/home
    mkdir "$HOME"
    cd "$HOME" || return
    make_tree
    make_system
    number_examples
}

# number_examples: writes the examples into files examples/PAGE-NUMBER.KIND, as the pages show them.
number_examples() {
    local page
    mkdir examples
    for page in "${PAGES[@]}"; do
        awk -v to="examples/$(basename "$page" .scd)" '
            /^```/ { inside = !inside; kind = last ~ /^; example: / ? substr(last, 12) : "unmarked"
                     if (inside) file = sprintf("%s-%02d.%s", to, ++count, kind) }
            inside || /^```/ { print >file } { last = $0 }' "$page"
    done
    for page in examples/*; do
        printf 'x(1)\n\n# X\n\n' >text
        cat "$page" >>text
        scdoc <text >page
        MANWIDTH=400 man -l page | sed '1,/^X$/d; $d; s/^ \{11\}//' >"$page"
    done
}

setup() {
    cd "$HOME" || return
}

# each KIND COMMAND...: the command, with the path of every such example, succeeds and prints something.
each() {
    local example count=0
    for example in examples/*."$1"; do
        { "${@:2}" "$example" >out 2>err </dev/null && [ -s out ]; } || {
            echo "$example:" && cat "$example" out err
            return 1
        }
        count=$((count + 1))
    done
    [ "$count" -ge 1 ]
}

# read_json EXAMPLE: plans the machine of a configuration, with the system that there is.
read_json() {
    sed "s,/nix/store/[^\"]*,$PWD/system,g" "$1" |
        "$RUN_VM_PROGRAM" --config - --dry-run -o system.build.regInfo=/closure
}

@test "every page has examples, and each of them says what it is" {
    local page
    for page in "${PAGES[@]}"; do
        [[ $(echo examples/"$(basename "$page" .scd)"-*.run examples/"$(basename "$page" .scd)"-*.plan) == *-[0-9]* ]]
    done
    find examples -type f -regextype egrep ! -regex '.*\.(run|plan|json|output|other)' -exec cat {} + >unmarked
    cat unmarked
    [ ! -s unmarked ]
}

@test "examples that would start a machine are planned as they are" {
    PATH=$PWD/plan:$PATH each plan bash -euo pipefail
}

@test "examples of configurations are read" {
    each json read_json
}

@test "examples run, in real guests" {
    PATH=$PWD/bin:$PATH each run timeout --foreground --kill-after=30 "$TIME_LIMIT" bash -euo pipefail
}
