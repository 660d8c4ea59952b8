#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A path that the guest looked up before the host's store had it (run-vm.json(5), SHARES).

load harness
load command

setup_file() {
    make_root
    mkdir -p "$ROOT/nix/store"
    make_guest
}

# The guest looks up the path, waits for a line, and looks it up again.
# shellcheck disable=SC2016 # the guest's shell is to expand it
look='cd /nix
ls store/late 2>/dev/null && exit 1
echo looked
read -r line
cat .ro-store/late/file
echo 2 >/proc/sys/vm/drop_caches
cat store/late/file
ls store'

@test "it appears under /nix/.ro-store at once, and in /nix/store when names are forgotten" {
    local store=$BATS_TEST_TMPDIR/host line status=0
    mkdir -p "$store/nix/store/early"
    export OPTIONS="-o runVm.store=$store
        -o virtualisation.sharedDirectories.nix-store={\"source\":\"/nix/store\",\"target\":\"/nix/store\"}"
    coproc VM { exec guest sh -c "$look" 2>"$BATS_TEST_TMPDIR/err"; }
    local pid=$VM_PID shown
    exec {shown}<&"${VM[0]}"
    read -r -t "$TIME_LIMIT" line <&"$shown"
    [ "$line" = looked ]
    mkdir "$store/nix/store/late"
    echo "from the host" >"$store/nix/store/late/file"
    echo >&"${VM[1]}"
    run cat <&"$shown"
    wait "$pid" || status=$?
    [ "$status" = 0 ]
    [ "${lines[*]}" = "from the host from the host early late" ]
}
