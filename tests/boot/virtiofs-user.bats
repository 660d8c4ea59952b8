#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Shares on virtiofs for an ordinary user, as NixOS 26.11 has them. Debian 12's virtiofsd serves root only:
# there, Debian 13's is used, with its own libraries.
# shellcheck disable=SC2016,SC2154 # expanded by the inner shell or in the guest; set by bats

load harness

# The user in place of root, for whom nothing would be forbidden.
GUEST_USER=61003

# Prints a virtiofsd that serves ordinary users, in $PLACE if this machine has none.
find_virtiofsd() {
    local packages library
    if [ -e /usr/libexec/virtiofsd ]; then
        echo /usr/libexec/virtiofsd
        return
    fi
    packages=$("$BATS_TEST_DIRNAME/../../scripts/fetch-package" trixie virtiofsd 2>"$PLACE/fetch") || {
        cat "$PLACE/fetch" >&2
        return 1
    }
    mkdir "$PLACE/lib"
    cp -L "$packages"/usr/lib64/ld-linux-*.so.* "$PLACE/lib/loader"
    for library in libc.so.6 libm.so.6 libgcc_s.so.1 libseccomp.so.2 libcap-ng.so.0; do
        cp -L "$packages"/usr/lib/*-linux-gnu/"$library" "$PLACE/lib"
    done
    patchelf --set-interpreter "$PLACE/lib/loader" --set-rpath "$PLACE/lib" \
        --output "$PLACE/virtiofsd" "$packages/usr/libexec/virtiofsd"
    echo "$PLACE/virtiofsd"
}

setup_file() {
    # outside the test's own directory, which no other user can read
    PLACE=$(mktemp -d /var/tmp/run-vm-virtiofs.XXXXXX)
    export PLACE GUEST_USER AS_USER='' VIRTIOFSD
    chmod 755 "$PLACE"
    cp -L "$RUN_VM_PROGRAM" "$RUN_VM_BUILD/init" "$DEMO_CONFIG" "$PLACE"
    cp -a --reflink=auto "$(configured .runVm.store)" "$PLACE/store"
    mkdir "$PLACE/home" "$PLACE/shared"
    touch "$PLACE/shared/roots"
    echo "first words" >"$PLACE/shared/mine"
    if [ "$EUID" = 0 ]; then
        AS_USER="setpriv --reuid $GUEST_USER --regid $GUEST_USER --clear-groups"
        chown "$GUEST_USER:$GUEST_USER" "$PLACE/home" "$PLACE/shared" "$PLACE/shared/mine"
        install -o 65534 -g 65534 /dev/null "$PLACE/shared/nobodys"
    else
        GUEST_USER=$EUID
        touch "$PLACE/shared/nobodys"
    fi
    VIRTIOFSD=$(find_virtiofsd)
}

teardown_file() {
    chmod -R u+w "$PLACE"
    rm -rf "$PLACE"
}

# today [run-vm's arguments]: run-vm by the ordinary user, with a configuration for NixOS 26.11.
today() {
    cd "$PLACE/home" || return
    # shellcheck disable=SC2086 # words
    exec timeout --kill-after=10 "$TIME_LIMIT" $AS_USER env -i HOME="$PLACE/home" PATH=/usr/bin:/bin LC_ALL=C.UTF-8 \
        TMPDIR="$PLACE/home" SHARED_DIR="$PLACE/shared" NIX_DISK_IMAGE="$PLACE/home/disk.qcow2" \
        "$PLACE/run-vm" --config "$PLACE/config.json" --guest-init "$PLACE/init" \
        -o runVm.store="$PLACE/store" -o runVm.release=26.11 "$@"
}

# The servers of today(), whose sockets are in the home. No other command line, as that of run-vm, begins so.
servers() {
    pgrep -u "$GUEST_USER" -f "^$VIRTIOFSD .*$PLACE/"
}
no_servers() {
    ! servers
}

@test "owners, the store, and changes on either side" {
    local guest others='0:0' # root's, and those of users whom the guest does not have
    [ "$EUID" = 0 ] || others="$GUEST_USER:[0-9]+"
    guest='exec 2>&1; grep virtiofs /proc/mounts
        cd /tmp/shared; stat -c "%n %u:%g" nobodys mine /nix/.ro-store /nix/.ro-store/*-demo-etc
        cat mine; echo written >new; mkdir made; chown 1000:1000 new && echo chown works
        nix-store --verify --check-contents && echo verified
        mount -o remount,rw /nix/.ro-store; touch /nix/.ro-store/planted
        echo ready; until [ -e go ]; do sleep 0.2; done; sleep 2; cat mine; echo bye'
    today -o "runVm.virtiofsd=$VIRTIOFSD" --exec sh -c "$guest" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
    local pid=$! status=0
    wait_for "$BATS_TEST_TMPDIR/out" '^ready' "$pid"
    # the machine still runs
    servers
    [ "$(cat "$PLACE/shared/new")" = written ]
    [ "$(stat -c %u "$PLACE/shared/new" "$PLACE/shared/made" | uniq)" = "$GUEST_USER" ]
    echo "second words, by the host" >"$PLACE/shared/mine"
    touch "$PLACE/shared/go"
    wait "$pid" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" = 0 ]
    says "$BATS_TEST_TMPDIR/out" '^nix-store /nix/.ro-store virtiofs ro'
    says "$BATS_TEST_TMPDIR/out" '^xchg /tmp/xchg virtiofs rw'
    says "$BATS_TEST_TMPDIR/out" "^nobodys $others$"
    says "$BATS_TEST_TMPDIR/out" "^mine $GUEST_USER:"
    says "$BATS_TEST_TMPDIR/out" "^/nix/.ro-store/.*-demo-etc $others$"
    says "$BATS_TEST_TMPDIR/out" '^first words$'
    says "$BATS_TEST_TMPDIR/out" '^chown works$'
    says "$BATS_TEST_TMPDIR/out" '^verified$'
    says "$BATS_TEST_TMPDIR/out" 'planted: Read-only file system$'
    says "$BATS_TEST_TMPDIR/out" '^second words, by the host$'
    until_true no_servers
}

@test "no server outlives run-vm that is killed" {
    local out=$BATS_TEST_TMPDIR/out pid
    today -o "runVm.virtiofsd=$VIRTIOFSD" --exec sh -c 'echo ready; sleep 10000' >"$out" 2>&1 </dev/null 3>&- &
    pid=$!
    wait_for "$out" '^ready' "$pid"
    servers
    pkill -KILL -P "$pid" # the child of timeout
    wait "$pid" || true
    until_true no_servers
}

@test "without a virtiofsd: 9p, and one line that says so" {
    run -0 --separate-stderr timeout --kill-after=10 "$TIME_LIMIT" unshare -rm bash -uc '
        for program in /usr/{libexec,lib,lib/qemu}/virtiofsd $(type -P virtiofsd); do
            [ ! -e "$program" ] || mount --bind /dev/null "$program"
        done
        cd "$BATS_TEST_TMPDIR" && NIX_DISK_IMAGE=$PWD/disk.qcow2 exec "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" \
            -o runVm.release=26.11 --exec grep -c "^xchg /tmp/xchg 9p" /proc/mounts </dev/null'
    echo "$output, $stderr"
    [ "$output" = 1 ]
    [ "$(grep -c 'warning: shares are on 9p, not on virtiofs' <<<"$stderr")" = 1 ]
}

@test "where namespaces are forbidden, a server without them protects the store as well" {
    run -0 --separate-stderr timeout --kill-after=10 "$TIME_LIMIT" unshare -rm bash -uc '
        echo 0 >/proc/sys/user/max_mnt_namespaces
        cd "$BATS_TEST_TMPDIR" && NIX_DISK_IMAGE=$PWD/disk.qcow2 exec unshare --user --map-user=1000 --map-group=1000 \
            "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" -o runVm.release=26.11 -o "runVm.virtiofsd=$VIRTIOFSD" \
            --exec sh -c "stat -c %u:%g /nix/.ro-store/*-demo-etc; cd /tmp/xchg; touch new
                chown 5:5 new && stat -c %u new; mount -o remount,rw /nix/.ro-store
                touch /nix/.ro-store/planted 2>&1 || true" </dev/null'
    echo "$output, $stderr"
    [ "${lines[0]}" = 1000:1000 ] # the store, too, belongs to the user of this machine
    [ "${lines[1]}" = 1000 ]
    [[ ${lines[2]} == *planted*"Read-only file system" ]]
    [ "$(grep -c 'virtiofsd runs without a sandbox' <<<"$stderr")" = 1 ]
}
