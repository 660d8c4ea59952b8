#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The package of Nix: `nix-build nix/` by the real Nix, in a store of the test's own, from the guest's
# libraries as a store path and a stand-in for nixpkgs whose compilers are Debian's.

load harness
load command

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir conf tree
    export NIX_STORE_DIR=$PWD/store NIX_STATE_DIR=$PWD/state NIX_LOG_DIR=$PWD/log NIX_CONF_DIR=$PWD/conf \
        NIX_CONFIG=$'build-users-group =\nsandbox = false\nsubstitute = false\nexperimental-features = nix-command flakes'
    unset NIX_REMOTE
    cp -a "$BATS_TEST_DIRNAME"/../../{flake.nix,nix,Makefile,base,common,completions,host,init,man,scripts,tools} tree/
    export NIX_PATH=nixpkgs=$BATS_TEST_DIRNAME/../nix/nixpkgs
    cp -rL "$RUN_VM_BUILD/guest/libs" guest-libs
    RUN_VM_TEST_GUEST_LIBS=$(nix-store --add guest-libs)
    export RUN_VM_TEST_GUEST_LIBS
    (cd tree && nix-build nix/ --out-link ../result >../build.log 2>&1) || {
        tail -n 40 build.log
        return 1
    }
    make_root
    export RUN_VM_PROGRAM=$PWD/result/bin/run-vm
    make_guest
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
}

@test "the package has run-vm, its init and the manual pages" {
    [ "$(result/bin/run-vm --version)" = "$("$RUN_VM_BUILD/run-vm" --version)" ]
    [ -x result/libexec/run-vm/init ]
    [ -s result/share/man/man5/run-vm.json.5 ]
}

@test "the package brings libarchive, and programs are those of nixpkgs" {
    nix-store --query --references ./result | grep -- '-libarchive$'
    echo '(import <nixpkgs> { }).callPackage ./tree/nix/package.nix { programs = [ "/the-programs" ]; }' >other.nix
    nix show-derivation -f ./other.nix | jq -e '.[].env.makeFlags | contains(" RUN_VM_PATH=/the-programs/bin ")'
}

@test "the package boots" {
    ends 0 uname -s
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = Linux ]
    init=$("$RUN_VM_PROGRAM" --kernel "$KERNEL" --modules-dir "$MODULES" --root-dir "$ROOT" --dry-run=json |
        jq -er .initrd.init)
    [ "$(realpath "$init")" = "$(realpath result)/libexec/run-vm/init" ]
}

# flake ATTRIBUTE: evaluates it in JSON, as Nix does without the environment.
flake() {
    env -u RUN_VM_TEST_GUEST_LIBS HOME="$PWD" nix eval --json --no-write-lock-file \
        --override-input nixpkgs "path:$BATS_TEST_DIRNAME/../nix/nixpkgs" "path:$PWD/tree#$1" "${@:2}"
}

@test "the flake offers the package, the module and checks" {
    flake packages.x86_64-linux.default.drvPath | grep -- "-run-vm-.*\.drv"
    flake nixosModules.default | grep 'module.nix"'
    [ "$(flake checks.x86_64-linux --apply builtins.attrNames)" = '["boot","version"]' ]
}
