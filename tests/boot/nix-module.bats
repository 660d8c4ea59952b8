#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A NixOS user's start: Nix builds system.build.vm of a configuration with run-vm's module, in a copy
# of the demonstration system's store, and runs its program.

load harness

setup_file() {
    local system vm
    export store=$BATS_FILE_TMPDIR/store # other tests compare the shared one before and after
    cp -a --reflink=auto "$(configured .runVm.store)" "$store"
    system=$store$(configured .system.build.toplevel)
    export HOME=$BATS_FILE_TMPDIR
    mkdir -p "$HOME/work" "$HOME/start"
    cat >"$HOME/work/test.sh" <<'END'
set -eux
grep -E " (/|/work|/nix/store) " /proc/mounts
nix --offline path-info "$(readlink -f /run/current-system)"
sed -n "s/^MemTotal: *//p" /proc/meminfo
END
    cd "$HOME/start" || return
    unset NIX_PATH NIX_REMOTE
    export NIX_CONF_DIR=/var/empty NIX_USER_CONF_FILES='' QEMU_KERNEL_PARAMS="demo.run=/work/test.sh" \
        NIX_CONFIG=$'build-users-group =\nsubstitute = false\nexperimental-features = nix-command'
    DEMO_SHELL=$(readlink "$store$(readlink "$system/sw")/bin/sh")
    export DEMO_SHELL
    vm=(--store "$store" --impure --expr "import $BATS_TEST_DIRNAME/../nix/demo.nix {
             config = $DEMO_CONFIG; build = $RUN_VM_BUILD; shell = \"$DEMO_SHELL\"; }")
    timeout --kill-after=30 "$TIME_LIMIT" nix run "${vm[@]}" >raw 2>&1 </dev/null || true
    clean <raw >console
    nix build --out-link result "${vm[@]}" || true
}

setup() {
    export HOME=$BATS_FILE_TMPDIR
    cd "$BATS_FILE_TMPDIR/start" || return
}

@test "the guest boots the system, which is registered, and ends" {
    says console '^demo: status 0$'
    says console '^demo: power off$'
    says "$HOME/work/test.sh.out" '^/nix/store/.*-demo-system$'
}

@test "the options of the variant have reached it" {
    says "$HOME/work/test.sh.out" '^work /work (9p|virtiofs) rw'
    says "$HOME/work/test.sh.out" '^/dev/vda / ext4 '
    says "$HOME/work/test.sh.out" '^2[0-9]{5} kB$' # of 300 MiB
    [ -s demo.qcow2 ]
}

@test "the result has the system beside the program, as that of nixpkgs" {
    local result
    result=$BATS_FILE_TMPDIR/store$(readlink result)
    [ -L "$result/system" ]
    [ "$(readlink "$result/system")" = "$(configured .system.build.toplevel)" ]
}

# readme: runs the commands of README.md for a NixOS user, and compares what they print: any number may be
# another one, except in a line that is nothing but a number, and … is anything.
readme() {
    local line expected='' command=''
    while IFS= read -r line; do
        case $line in
        '$ cat box.nix') command="sed 's,/path/to/run-vm,$TREE,' >box.nix" ;;
        '$ '*)
            compare "$command" "$expected" || return
            command=${line#'$ '}
            expected=''
            ;;
        *) expected+=$line$'\n' ;;
        esac
    done < <(sed -n '/^A NixOS user imports/,/^## /s/^    //p' "$TREE/README.md") || return
    compare "$command" "$expected"
}

compare() {
    echo "+ $1"
    if [[ $1 == *'>box.nix' ]]; then
        eval "$1" <<<"$2"
        return
    fi
    timeout --kill-after=10 "$TIME_LIMIT" bash -c "$1" >printed 2>errors </dev/null || {
        cat printed errors
        return 1
    }
    local numbers='/^[0-9]+$/!s/[0-9]+/N/g; s,/nix/store/[^-]*-,/nix/store/…-,'
    diff <(sed -E "$numbers" <<<"${2%$'\n'}") <(sed -E "$numbers" printed) || {
        cat errors
        return 1
    }
}

@test "README.md's commands for a NixOS user print what it says" {
    TREE=$(realpath "$BATS_TEST_DIRNAME/../..")
    mkdir -p "$BATS_TEST_TMPDIR/readme"
    cd "$BATS_TEST_TMPDIR/readme" || return
    export TREE TIME_LIMIT RUN_VM_BUILD NIX_PATH=nixpkgs=$TREE/tests/nix/nixpkgs
    declare -f readme compare >session
    cat >>session <<'END'
trap 'result/bin/run-vm stop --kill box >/dev/null 2>&1' EXIT
readme && result/bin/run-vm stop box && [ -s box.qcow2 ] || exit
[ "$(readlink result/bin/run-box-vm)" = "$(readlink -f result/bin/run-box-vm)" ]
END
    # where /nix is the store of the test
    nix shell --store "$store" "${DEMO_SHELL%/bin/*}" -c \
        env PATH="$PATH" NIX_STATE_DIR="$store/nix/var/nix" NIX_LOG_DIR="$store/nix/var/log/nix" bash session
}
