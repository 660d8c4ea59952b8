#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A store and a share that span several filesystems of the host with equal inode numbers and times: the
# guest takes no two files for one. Its root is this machine's own, because that has a find and a cp that
# compare inode numbers.

load harness
load command

setup_file() {
    make_root
    export ROOT=/
    make_guest
    export MOUNTS=$BATS_FILE_TMPDIR/mounts STORE=$BATS_FILE_TMPDIR/store
    mkdir -p "$STORE/nix/store" "$MOUNTS"
    write_layout
}

# A script that mounts all filesystems in a mount namespace of its own, and runs its arguments there.
write_layout() {
    cat >"$BATS_FILE_TMPDIR/layout" <<'END'
set -eu
for name in a b c; do
    path=$STORE/nix/store/${name}0000000000000000000000000000000-pkg-$name
    mkdir -p "$path" "$MOUNTS/$name"
    for directory in "$path" "$MOUNTS/$name"; do
        mount -t tmpfs "$name" "$directory"
        mkdir "$directory/deep"
        for number in 1 2 3; do echo "$name$number" >"$directory/deep/f$number"; done
        find "$directory" -exec touch -d @1 {} +
    done
done
if [ "$REAL_ROOT" ]; then # only root may mount btrfs
    mkdir -p "$MOUNTS/btrfs"
    truncate -s 200M "$BATS_FILE_TMPDIR/btrfs"
    mkfs.btrfs --force --quiet "$BATS_FILE_TMPDIR/btrfs"
    mount -o loop "$BATS_FILE_TMPDIR/btrfs" "$MOUNTS/btrfs"
    btrfs subvolume create "$MOUNTS/btrfs/home"
    btrfs subvolume create "$MOUNTS/btrfs/home/inner"
    mkdir "$MOUNTS/btrfs/home/user"
    echo x >"$MOUNTS/btrfs/home/user/file"
    echo y >"$MOUNTS/btrfs/home/inner/file"
fi >/dev/null
find "$MOUNTS" | wc -l >"$BATS_FILE_TMPDIR/found"
find "$MOUNTS" -type f -exec cat {} + | sort >"$BATS_FILE_TMPDIR/contents"
exec "$@"
END
}

look='cd /nix/store && cat ?0*/deep/f* | tr "\n" " "
find /mounts | wc -l
cp -a /mounts /run/copy
find /run/copy -type f -exec cat {} + | sort'

# sees_all TRANSPORT: the guest reads the right contents of each file in the store, finds as many names in
# the share as the host, and copies all of its files.
sees_all() {
    local share unshare=(unshare --mount)
    export REAL_ROOT=yes
    [ "$EUID" = 0 ] || { unshare+=(--map-root-user) && REAL_ROOT=; }
    share="{\"source\":\"$MOUNTS\",\"target\":\"/mounts\"}"
    store='{"source":"/nix/store","target":"/nix/store"}'
    export OPTIONS="-o virtualisation.sharedDirectories.m=$share -o runVm.transport=$1
        -o virtualisation.sharedDirectories.nix-store=$store -o runVm.store=$STORE"
    "${unshare[@]}" bash "$BATS_FILE_TMPDIR/layout" guest sh -c "$look" </dev/null \
        >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || {
        cat "$BATS_TEST_TMPDIR/err"
        return 1
    }
    diff - "$BATS_TEST_TMPDIR/out" <<END
a1 a2 a3 b1 b2 b3 c1 c2 c3 $(cat "$BATS_FILE_TMPDIR/found" "$BATS_FILE_TMPDIR/contents")
END
}

@test "by 9P" {
    sees_all 9p
}

@test "by virtiofs" {
    sees_all virtiofs
}
