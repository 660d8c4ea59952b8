#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Power loss while init registers a closure. QEMU records every write and flush to the root's disk. From
# the record tools/replay-writes makes the disk as it is after power loss at a random instant: all
# flushed writes, and a random part of the others. The database on it must be the one before or the one
# after, and the next boot must complete it.
#
# Tries 25 instants for each database, 200 with RUN_VM_LONG (make check-long).

load harness

setup_file() {
    export NIX_CONFIG="build-users-group =" NIX_CONF_DIR=$BATS_FILE_TMPDIR HOME=$BATS_FILE_TMPDIR
    local here tools
    here=$(dirname "$(readlink -f "$BATS_TEST_FILENAME")")
    tools=${RUN_VM_TOOLS:-$RUN_VM_BUILD/tools}
    export load_db=$tools/nix-load-db replay=$tools/replay-writes
    export instants=25 boots=2
    if [ -n "${RUN_VM_LONG:-}" ]; then
        instants=200 boots=10
    fi
    export registration=$BATS_FILE_TMPDIR/registration
    "$here/../bench/make-registration" 3000 8 >"$registration"

    # a root without a database, and one with other paths and some of the same ones
    mkdir -p "$BATS_FILE_TMPDIR/fresh/root" "$BATS_FILE_TMPDIR/there/root"
    {
        "$here/../bench/make-registration" 400 8 2
        "$here/../bench/make-registration" 500 8 | sed 's/^sha256:./sha256:0/'
    } >"$BATS_FILE_TMPDIR/earlier"
    "$load_db" "$BATS_FILE_TMPDIR/there/root/nix/var/nix" <"$BATS_FILE_TMPDIR/earlier"
    for root in fresh there; do
        record "$root"
    done
}

# Boots with the recorded disk as root. xchg contains the registration, and a stage 2 that resets the
# machine at once, so that nothing is written after init.
disk_arguments() { # IMAGE LOG
    echo -drive "if=none,id=recorded,driver=blklogwrites,file.driver=file,file.filename=$1,log.driver=file,log.filename=$2"
    echo -device virtio-blk-pci,drive=recorded,serial=recorded -no-reboot
}

boot_disk() { # NAME IMAGE
    local xchg=$BATS_FILE_TMPDIR/$1/xchg arguments
    mkdir -p "$xchg"
    : >"$BATS_FILE_TMPDIR/$1/log"
    cp "$registration" "$xchg/registration"
    printf '#!%s\necho b >/proc/sysrq-trigger\n' "$(guest_shell)" >"$xchg/stage2"
    chmod +x "$xchg/stage2"
    read -r -d '' -a arguments < <(disk_arguments "$2" "$BATS_FILE_TMPDIR/$1/log"; printf '\0')
    PARAMS="root=/dev/disk/by-id/virtio-recorded regInfo=/tmp/xchg/registration init=/tmp/xchg/stage2 vm.store.overlay=root" \
        TMPDIR=$BATS_FILE_TMPDIR/$1 USE_TMPDIR=1 boot_as_is "$1" -- "${arguments[@]}"
    ended "$1"
    run ! grep -e 'registering the closure' -e 'the boot failed' "$BATS_FILE_TMPDIR/$1/console"
}

# Prints the path of the demonstration system's shell in the guest.
guest_shell() {
    local store
    store=$(configured .runVm.store)
    echo "/nix/store/$(basename "$store"/nix/store/*-demo-busybox)/bin/sh"
}

# Boots from an image made of NAME/root. Afterwards NAME contains base.img (the image before), log (the
# record), and the contents of the database before and after.
record() { # NAME
    local directory=$BATS_FILE_TMPDIR/$1
    mke2fs -q -t ext4 -d "$directory/root" "$directory/base.img" 96M
    cp "$directory/base.img" "$directory/boot.img"
    boot_disk "$1" "$directory/boot.img"
    "$replay" "$directory/log" >"$directory/entries"
    contents "$directory/root/nix/var/nix" >"$directory/before"
    "$load_db" "$directory/root/nix/var/nix" <"$registration"
    contents "$directory/root/nix/var/nix" >"$directory/after"
}

# Prints the contents of a database, without times.
contents() { # STATE-DIRECTORY
    [ -e "$1/db/db.sqlite" ] || return 0
    sqlite3 "$1/db/db.sqlite" "pragma integrity_check;
        select id, path, hash, deriver, narSize, ultimate, sigs, ca from ValidPaths order by id;
        select * from Refs order by referrer, reference"
}

# Copies the state directory of an image to ./state, after replaying the journal as a mount would.
extract() { # IMAGE
    # 0: clean, 1: the journal was replayed
    e2fsck -fp "$1" >fsck 2>&1 || [ $? = 1 ]
    rm -rf state
    mkdir -p state/nix/var
    debugfs -R "rdump /nix/var/nix state/nix/var" "$1" 2>debugfs.err
    mkdir -p state/nix/var/nix state/nix/store
}

image_after_cut() { # NAME ENTRIES SEED
    cp --sparse=always "$BATS_FILE_TMPDIR/$1/base.img" cut.img
    "$replay" "$BATS_FILE_TMPDIR/$1/log" cut.img "$2" "$3"
}

# The database contains nothing of the registration, or all of it.
is_before_or_after() { # NAME FILE
    cmp -s "$2" "$BATS_FILE_TMPDIR/$1/before" || cmp -s "$2" "$BATS_FILE_TMPDIR/$1/after" || {
        echo "the database is neither as before nor as after:"
        diff "$2" "$BATS_FILE_TMPDIR/$1/after" | head
        return 1
    }
}

check_cut() { # NAME ENTRIES SEED
    image_after_cut "$@"
    extract cut.img
    # reads a copy, because reading a database with a log changes it
    rm -rf copy && cp -a state copy
    contents copy/nix/var/nix >found
    is_before_or_after "$1" found
    if [ -e copy/nix/var/nix/db/db.sqlite ]; then
        nix-store --store "$PWD/copy" --dump-db >dump
        [ "$(grep -c '^sha256:' dump)" = "$(grep -c '^[0-9]*|/nix/store/' found)" ]
    fi
    "$load_db" state/nix/var/nix <"$registration"
    contents state/nix/var/nix | cmp - "$BATS_FILE_TMPDIR/$1/after"
}

# RANDOM repeats for a given seed: a failure names the instant, to reproduce it.
check_cuts() { # NAME
    local entries cut seed
    entries=$(cat "$BATS_FILE_TMPDIR/$1/entries")
    [ "$entries" -ge 10 ]
    cd "$BATS_TEST_TMPDIR" || return
    RANDOM=1
    for ((seed = 1; seed <= instants; seed++)); do
        cut=$((RANDOM % (entries + 1)))
        check_cut "$1" "$cut" "$seed" || {
            echo "cut after $cut of $entries writes, seed $seed"
            return 1
        }
    done
}

@test "a new database survives a cut at any instant" {
    check_cuts fresh
}

@test "a database that is being added to survives a cut at any instant" {
    check_cuts there
}

@test "the registration is on the disk before stage 2 starts" {
    cd "$BATS_TEST_TMPDIR"
    for name in fresh there; do
        image_after_cut "$name" 1000000 1
        extract cut.img
        contents state/nix/var/nix | cmp - "$BATS_FILE_TMPDIR/$name/after"
        [ "$(cat state/nix/var/nix/db/schema)" = 10 ]
    done
}

@test "the boot after a cut ends with the complete registration" {
    cd "$BATS_TEST_TMPDIR"
    for name in fresh there; do
        entries=$(cat "$BATS_FILE_TMPDIR/$name/entries")
        # not "i", which bats's run uses
        for number in $(seq $((boots / 2))); do
            image_after_cut "$name" $((entries * number / (boots / 2 + 1))) "$number"
            boot_disk "next-$name-$number" "$PWD/cut.img"
            extract cut.img
            contents state/nix/var/nix | cmp - "$BATS_FILE_TMPDIR/$name/after"
        done
    done
}
