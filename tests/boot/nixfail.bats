#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Databases and registrations that init must not use: it prints one warning, which names the file, and
# the boot continues.

load harness

setup_file() {
    local tools=${RUN_VM_TOOLS:-$RUN_VM_BUILD/tools} here
    here=$(dirname "$(readlink -f "$BATS_TEST_FILENAME")")
    for name in damaged schema registration; do
        mkdir -p "$BATS_FILE_TMPDIR/$name/root"
        "$here/../bench/make-registration" 200 8 |
            "$tools/nix-load-db" "$BATS_FILE_TMPDIR/$name/root/nix/var/nix"
    done
    head -c 100000 /dev/urandom |
        dd of="$BATS_FILE_TMPDIR/damaged/root/nix/var/nix/db/db.sqlite" conv=notrunc status=none
    printf 11 >"$BATS_FILE_TMPDIR/schema/root/nix/var/nix/db/schema"
    boot_root damaged
    boot_root schema
    mkdir -p "$BATS_FILE_TMPDIR/registration/xchg"
    printf '%s\n' /nix/store/00000000000000000000000000000001-a sha256:1 >"$BATS_FILE_TMPDIR/registration/xchg/bad"
    PARAMS=regInfo=/tmp/xchg/bad boot_root registration
}

# Boots with a disk made of NAME/root; the guest's script reports on it.
boot_root() { # NAME
    local directory=$BATS_FILE_TMPDIR/$1
    mke2fs -q -t ext4 -d "$directory/root" "$directory/disk.raw" 256M
    qemu-img convert -f raw -O qcow2 "$directory/disk.raw" "$directory/disk.qcow2"
    echo 'sha256sum /nix/var/nix/db/db.sqlite /nix/var/nix/db/schema | sed "s,/nix,nix," >/tmp/xchg/sums' |
        NIX_DISK_IMAGE=$directory/disk.qcow2 boot "$1"
}

# init printed one line on the one console, and the database is unchanged.
warned_once() { # NAME REGEX
    worked "$1"
    says "$BATS_FILE_TMPDIR/$1/console" "run-vm: registering the closure: .*$2"
    [ "$(grep -c 'registering the closure' "$BATS_FILE_TMPDIR/$1/console")" = 1 ]
    (cd "$BATS_FILE_TMPDIR/$1/root" && sha256sum --quiet --check "$BATS_FILE_TMPDIR/$1/xchg/sums")
}

@test "a damaged database is named with the remedy, and kept" {
    warned_once damaged 'db/db\.sqlite: .*damaged.*move it away'
}

@test "a database with an unknown schema is left alone" {
    warned_once schema 'db/schema: .*schema "11"'
}

@test "a bad registration is named with file, line and reason, and nothing written" {
    warned_once registration '/tmp/xchg/bad:2: .*wrong length'
}
