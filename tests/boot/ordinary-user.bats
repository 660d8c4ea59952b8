#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# `make run` by an ordinary user, with Debian's PATH, which lacks the sbin directories, and without sudo.
# A second user of the same machine does the same meanwhile.
#
# With RUN_VM_LONG everything is built from source; otherwise the programs built here are used.

bats_require_minimum_version 1.7.0

setup_file() {
    [ "$(id -u)" = 0 ] || skip "only root can become two other users; any other is one already"
    ROOT=$(realpath "$BATS_TEST_DIRNAME/../..")
    CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/run-vm
    # outside the test's own directory, which no other user can read
    HOMES=$(mktemp -d /var/tmp/run-vm-users.XXXXXX)
    chmod 755 "$HOMES"
    export ROOT CACHE HOMES
}

teardown_file() {
    [ -z "${HOMES:-}" ] || rm -rf "$HOMES"
}

# clone UID: makes a home with the tree and a cache with everything that takes minutes to fetch or build,
# by hard links where possible.
clone() {
    local home=$HOMES/$1 directory
    mkdir -p "$home/run-vm" "$home/.cache/run-vm"
    tar -C "$ROOT" --exclude=./build --exclude=./.git -c . | tar -C "$home/run-vm" -x --no-same-owner
    for directory in "$CACHE"/guest-libs-* "$CACHE"/kernel-*; do
        [ -d "$directory" ] || continue
        cp -al "$directory" "$home/.cache/run-vm" 2>/dev/null ||
            cp -a "$directory" "$home/.cache/run-vm"
    done
    if [ -z "${RUN_VM_LONG:-}" ]; then
        tar -C "$ROOT" --exclude=build/{demo*,sanitize,fuzz,unit,user,deb} -c build | tar -C "$home/run-vm" -x
        ln -sfn "$(find "$home/.cache/run-vm" -maxdepth 1 -type d -name "$(basename "$(readlink "$ROOT/build/guest/libs")")")" \
            "$home/run-vm/build/guest/libs"
    fi
    # not the cache's contents: the kernels' files are hard links to those of their owner
    chown "$1:$1" "$home" "$home/.cache" "$home/.cache/run-vm"
    chown -R -h "$1:$1" "$home/run-vm"
}

# first_try UID: runs it in the background, as a user without further groups.
first_try() {
    (
        cd "$HOMES/$1/run-vm" || exit
        status=0
        timeout --kill-after=30 900 setpriv --reuid "$1" --regid "$1" --clear-groups --no-new-privs \
            env -i HOME="$HOMES/$1" USER="user$1" PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games LANG=C.UTF-8 \
            make run </dev/null >"$HOMES/$1/log" 2>&1 3>&- || status=$?
        echo "$status" >"$HOMES/$1/status"
    ) &
}

@test "make run as an ordinary user without sbin on PATH, and as a second one at the same time" {
    local user
    for user in 61001 61002; do
        clone "$user"
    done
    first_try 61001
    first_try 61002
    wait
    for user in 61001 61002; do
        echo "user $user:" && tail -n 30 "$HOMES/$user/log"
        [ "$(cat "$HOMES/$user/status")" = 0 ]
        grep -q "^demo: power off" "$HOMES/$user/log"
    done
    # of either user nothing is left outside of its home, except in caches of other programs; without a
    # runtime directory the list of machines is in /tmp, and empty
    rmdir /tmp/run-vm-61001 /tmp/run-vm-61002
    [ -z "$(find /tmp -maxdepth 1 -uid 61001 -o -maxdepth 1 -uid 61002)" ]
}
