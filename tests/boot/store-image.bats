#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every combination of the store's source and the location of its writable layer, booted with a root disk
# or a root in memory: Nix in the guest verifies the store.

load nix

setup_file() {
    export XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
}

look='
ls -A /nix/store >listing
grep " /nix" /proc/mounts >mounts
echo kept >/root/kept
'

# row NAME [run-vm's arguments]: boots and checks one combination.
row() {
    local name=$1 script
    script=$(ask_nix)$look
    [[ "$*" == *writableStore=false* ]] || script+=$(build_something)
    export NIX_DISK_IMAGE=${NIX_DISK_IMAGE:-$BATS_FILE_TMPDIR/$name.qcow2}
    boot "$@" <<<"set -eux"$'\n'"$script"
    worked "$name"
    local xchg=$BATS_FILE_TMPDIR/$name/xchg
    content "$name"
    same_closure "$xchg/requisites"
    [[ "$*" == *writableStore=false* ]] || [ "$(xchg "$name" built-content)" = "built in the guest" ]
}

# mounted NAME REGEX: a line of the guest's mounts below /nix matches.
mounted() {
    says "$BATS_FILE_TMPDIR/$1/xchg/mounts" "$2"
}

# The store images in the cache, a line each.
images() {
    find "$XDG_CACHE_HOME/run-vm" -name store.img -printf '%p %i %T@\n'
}

image=(-o virtualisation.useNixStoreImage=true)
memory=(-o virtualisation.diskImage=null)
read_only=(-o virtualisation.writableStore=false)
on_root=(-o virtualisation.writableStoreUseTmpfs=false)

@test "image, overlay on a tmpfs, root disk: exactly the closure is in it; the second start makes nothing" {
    row image "${image[@]}"
    mounted image ' /nix/store overlay .*upperdir=[^,]*/nix/.rw-store'
    mounted image ' /nix/.ro-store erofs ro'
    # only the closure, the registration and the paths built here
    local listed registered
    listed=$(grep -vc -e trivial -e "^\.links$" -e '\.lock$' "$BATS_FILE_TMPDIR/image/xchg/listing")
    registered=$(wc -l <"$BATS_FILE_TMPDIR/image/xchg/registered")
    [ "$listed" -le $((registered + 1)) ]
    local made
    made=$(images)
    [[ $made == *store.img* && $made != *$'\n'* ]]
    row image "${image[@]}"
    [ "$(cat "$BATS_FILE_TMPDIR/image/xchg/kept")" = kept ]
    [ "$(images)" = "$made" ]
}

@test "image, overlay on a tmpfs, root in memory" {
    row image-memory "${image[@]}" "${memory[@]}"
}

@test "image, overlay on the root disk: what was built survives a reboot" {
    row image-root "${image[@]}" "${on_root[@]}"
    mounted image-root ' /nix/store overlay .*upperdir=[^,]*/nix/.rw-store'
    row image-root "${image[@]}" "${on_root[@]}"
    grep -q -- -trivial "$BATS_FILE_TMPDIR/image-root/xchg/registered"
}

@test "image, overlay on a root in memory" {
    row image-root-memory "${image[@]}" "${on_root[@]}" "${memory[@]}"
}

@test "image, read-only, root disk" {
    row image-read-only "${image[@]}" "${read_only[@]}"
    mounted image-read-only ' /nix/store erofs ro'
}

@test "image, read-only, root in memory, with Debian 13's kernel" {
    local kernel
    kernel=$("$BATS_TEST_DIRNAME/../../scripts/fetch-kernel" trixie 2>"$BATS_TEST_TMPDIR/fetch-kernel")
    row image-read-only-memory "${image[@]}" "${read_only[@]}" "${memory[@]}" \
        --kernel "$(echo "$kernel"/vmlinuz-*)" --modules-dir "$(echo "$kernel"/lib/modules/*)"
    says "$BATS_FILE_TMPDIR/image-read-only-memory/xchg/mounts" '^/dev/[^ ]* /nix/store erofs ro'
}

@test "9p, overlay on a tmpfs, root in memory" {
    row share-memory "${memory[@]}"
}

@test "9p, overlay on the root disk: what was built survives a reboot" {
    row share-root "${on_root[@]}"
    row share-root "${on_root[@]}"
    grep -q -- -trivial "$BATS_FILE_TMPDIR/share-root/xchg/registered"
}

@test "9p, overlay on a root in memory" {
    row share-root-memory "${on_root[@]}" "${memory[@]}"
}

@test "9p, read-only, root disk" {
    row share-read-only "${read_only[@]}"
    mounted share-read-only ' /nix/store 9p ro'
}

@test "9p, read-only, root in memory" {
    row share-read-only-memory "${read_only[@]}" "${memory[@]}"
}
