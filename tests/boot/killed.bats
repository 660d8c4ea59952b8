#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Starts that are killed while they prepare, one after the other, in the same cache, directory and
# with the same image; and a boot of what they have left.

load harness

setup_file() {
    NIX_DISK_IMAGE=$BATS_FILE_TMPDIR/disk.qcow2
    export NIX_DISK_IMAGE
}

image=(-o virtualisation.useNixStoreImage=true)

# prepare COMMAND...: prepares the start of `boot killed`, under COMMAND; QEMU says its version.
prepare() {
    local directory=$BATS_FILE_TMPDIR/killed
    mkdir -p "$directory/xchg"
    (
        cd "$directory" || exit
        export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache TMPDIR=$directory USE_TMPDIR=1
        timeout "$TIME_LIMIT" "$@" "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" \
            "${image[@]}" -- -version >prepared 2>&1 </dev/null
    )
}

@test "what killed starts have left is not used: the next one reaches stage 2 with a whole store" {
    local call n at rounds=${RUN_VM_LONG:+6} round status kills=0
    for ((round = 1; round <= ${rounds:-1}; round++)); do
        rm -rf "$BATS_FILE_TMPDIR"/{cache,killed,disk.qcow2}
        # what a start has finished the next one need not make, so that they come further and further
        # (the first writes are what it says)
        for n in 1 2 $((round + 2)); do
            for call in write poll rename renameat2; do
                status=0 at=$n
                [ $call != write ] || at=$((n + 3))
                prepare strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$at" ||
                    status=$?
                echo "killed at $call $at: $status"
                [ "$status" != 137 ] || kills=$((kills + 1))
            done
        done
        XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache boot killed "${image[@]}" <<'END'
set -eux
nix-store --verify --check-contents
END
        worked killed
        # the half made things are still there
        find "$BATS_FILE_TMPDIR"/{cache,killed} -name '.new-*' -o -name '.run-vm-*' | grep .
        qemu-img check -q "$NIX_DISK_IMAGE"
    done
    echo "# killed starts before a boot: $kills kills, $((round - 1)) boots, 0 failures" >&3
    [ "$kills" -ge $((4 * (round - 1))) ]
}
