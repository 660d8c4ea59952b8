#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A NixOS user's start: Nix builds system.build.vm of a configuration with run-vm's module, in a copy
# of the demonstration system's store, and runs its program.

load harness

setup_file() {
    local store system vm
    store=$BATS_FILE_TMPDIR/store # other tests compare the shared one before and after
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
    vm=(--store "$store" --impure --expr "import $BATS_TEST_DIRNAME/../nix/demo.nix {
             config = $DEMO_CONFIG; build = $RUN_VM_BUILD;
             shell = \"$(readlink "$store$(readlink "$system/sw")/bin/sh")\"; }")
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
