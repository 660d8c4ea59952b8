#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Two boots with one disk that is blank at first, and the store's writable layer on a tmpfs: the disk's
# contents, and the state of store and database according to Nix in the guest, after each.

load nix

setup_file() {
    local store
    store=$(configured .runVm.store)/nix/store
    fingerprint "$store" >"$BATS_FILE_TMPDIR/store-before"

    boot first <<END
set -eux
$(ask_nix)
echo "kept by the disk" >/root/kept
$(build_something)
# A guest that tries to write to the host's store
mount -o remount,rw /nix/.ro-store || true
if echo x >/nix/.ro-store/intruder || rm /nix/.ro-store/*-demo-etc/passwd; then
    echo "the host's store can be written to"
    exit 1
fi 2>intrusion
mkdir -p /nix/var/nix/profiles
ln -s $(configured .system.build.toplevel) /nix/var/nix/profiles/system-1-link
ln -s /nix/var/nix/profiles/system-1-link /nix/var/nix/profiles/system
END
    uuid "$BATS_FILE_TMPDIR/disk.qcow2" >"$BATS_FILE_TMPDIR/uuid-first"

    # init= through three absolute links, which lead elsewhere outside the new root
    PARAMS=init=/nix/var/nix/profiles/system/init boot second <<END
set -eux
$(ask_nix)
grep -o "init=[^ ]*" /proc/cmdline | tail -n 1 >init-parameter
ls -d /nix/store/*-trivial >trivial-paths 2>/dev/null || true
nix-build --no-out-link /root/trivial.nix >built
END
    fingerprint "$store" >"$BATS_FILE_TMPDIR/store-after"
}

# Prints the UUID of the filesystem on a disk image.
uuid() {
    dumpe2fs -h "$(raw_image "$1")" 2>/dev/null | sed -n 's/^Filesystem UUID: *//p'
}

@test "first boot: a blank disk becomes the root, and stage 2 runs" {
    worked first
}

@test "first boot: Nix verifies the store with its contents and reports nothing" {
    worked first
    content first
}

@test "first boot: the closure registered is the host's, path by path" {
    worked first
    same_closure "$BATS_FILE_TMPDIR/first/xchg/requisites"
    same_closure "$BATS_FILE_TMPDIR/first/xchg/registered" "$(configured .system.build.regInfo)"
}

@test "first boot: the store is writable: a derivation builds" {
    worked first
    [ "$(xchg first built-content)" = "built in the guest" ]
}

@test "second boot: the disk is not formatted again, and a file of the first boot is there" {
    worked second
    [ "$(xchg second kept)" = "kept by the disk" ]
    [ -n "$(cat "$BATS_FILE_TMPDIR/uuid-first")" ]
    [ "$(uuid "$BATS_FILE_TMPDIR/disk.qcow2")" = "$(cat "$BATS_FILE_TMPDIR/uuid-first")" ]
}

@test "second boot: init= leads through absolute links on the disk to stage 2" {
    worked second
    [ "$(xchg second init-parameter)" = init=/nix/var/nix/profiles/system/init ]
}

@test "second boot: what was built is gone with the tmpfs, and the database knows" {
    worked second
    [ -s "$BATS_FILE_TMPDIR/first/xchg/built" ]
    [ -z "$(xchg second trivial-paths)" ]
    same_closure "$BATS_FILE_TMPDIR/second/xchg/registered" "$(configured .system.build.regInfo)"
    content second
}

@test "second boot: the same derivation builds again, at the same path" {
    worked second
    diff "$BATS_FILE_TMPDIR/first/xchg/built" "$BATS_FILE_TMPDIR/second/xchg/built"
}

@test "the host's store is unchanged, to the times of modification" {
    worked second
    diff "$BATS_FILE_TMPDIR/store-before" "$BATS_FILE_TMPDIR/store-after"
}
