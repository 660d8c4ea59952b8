#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Starts that are killed while they prepare, one after the other, with the same cache, directory and
# image; then a boot with the remains.

load harness

# the kills of tools: tests/host/store-pack.bats has those of the pack, which needs none
options=(-o virtualisation.useNixStoreImage=true -o runVm.storeImage=file -o runVm.stripModules=true)

# killed_in TOOL: lets the start of `boot killed` be killed in TOOL. The real tool runs; then half of its
# output is cut off and run-vm killed, as if both had been killed halfway.
killed_in() {
    local directory=$BATS_FILE_TMPDIR/killed tools=$BATS_TEST_TMPDIR/$1 real status=0
    real=$(PATH=$PATH:/usr/sbin:/sbin command -v "$1")
    mkdir -p "$directory/xchg" "$tools"
    cat >"$tools/$1" <<END
#!/bin/bash
"$real" "\$@"
for made; do
    if [ -f "\$made" ]; then truncate -s \$((\$(stat -c %s "\$made") / 2)) "\$made" && echo "\$made" >>"$tools/made"; fi
done
kill -KILL \$PPID
END
    chmod +x "$tools/$1"
    (
        cd "$directory" || exit
        export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache TMPDIR=$directory USE_TMPDIR=1 PATH=$tools:$PATH
        timeout "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" "${options[@]}" -- -version \
            >prepared 2>&1 </dev/null
    ) || status=$?
    echo "killed in $1: $status"
    cat "$directory/prepared"
    [ "$status" = 137 ]
    # the incomplete file is still there
    stat "$(tail -n 1 "$tools/made")"
}

@test "what killed starts have left is not used: the next one reaches stage 2 with a whole store" {
    export NIX_DISK_IMAGE=$BATS_FILE_TMPDIR/disk.qcow2
    local tool tools=(qemu-img mkfs.erofs strip)
    for tool in "${tools[@]}"; do
        killed_in "$tool"
    done
    XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache boot killed "${options[@]}" <<'END'
set -eux
nix-store --verify --check-contents
END
    worked killed
    qemu-img check -q "$NIX_DISK_IMAGE"
    echo "# killed starts before a boot: ${#tools[@]} kills, 1 boot, 0 failures" >&3
}
