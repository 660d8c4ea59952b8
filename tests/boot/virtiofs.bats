#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Shares on virtiofs, each with a virtiofsd that run-vm starts before QEMU and stops after it.

load harness

setup_file() {
    STORE=$(jq -er .runVm.store "$DEMO_CONFIG")/nix/store
    export STORE BEFORE
    BEFORE=$(fingerprint "$STORE")
    # One share stays on 9p: how a guest gets at each is a setting of that share.
    boot vm -o runVm.transport=virtiofs -o runVm.shares.shared.transport=9p <<'END'
set -ux
cd /tmp/xchg
cat /proc/mounts >mounts
nix-store --verify --check-contents >verified 2>&1 || exit 1
# root in the guest may do what it likes with its mounts, and still not write the host's store
mount -o remount,rw /nix/.ro-store
touch /nix/.ro-store/planted 2>refused && exit 1
rm -r /nix/.ro-store/* 2>>refused
echo "from the guest" >"from, the guest"
END
}

@test "the guest mounts the store and the shares by virtiofs, and the store verifies" {
    worked vm
    says "$BATS_FILE_TMPDIR/vm/xchg/mounts" '^nix-store /nix/.ro-store virtiofs ro'
    says "$BATS_FILE_TMPDIR/vm/xchg/mounts" '^xchg /tmp/xchg virtiofs rw'
    says "$BATS_FILE_TMPDIR/vm/xchg/mounts" '^shared /tmp/shared 9p rw'
    [ "$(cat "$BATS_FILE_TMPDIR/vm/xchg/from, the guest")" = "from the guest" ]
}

@test "the host's store cannot be written by a guest that is root" {
    says "$BATS_FILE_TMPDIR/vm/xchg/refused" 'Read-only file system'
    [ "$(fingerprint "$STORE")" = "$BEFORE" ]
}

@test "no server is left when QEMU has ended" {
    run ! pgrep -f "virtiofsd.*$STORE"
}
