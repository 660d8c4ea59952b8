#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A guest whose root tries to harm the host, with run-vm run by an ordinary user: no attempt succeeds.
# (restrictNetwork: network.bats. The store through the existing mount: store.bats. Over virtiofs:
# virtiofs.bats. Ends of QEMU and of run-vm: endings.bats.)

load harness

setup_file() {
    # a directory that an ordinary user can reach
    PLACE=$(mktemp -d)
    chmod 755 "$PLACE"
    export PLACE
    if [ "$(id -u)" = 0 ]; then
        USER_COMMAND="setpriv --reuid=nobody --regid=nogroup --clear-groups"
    fi
    export USER_COMMAND=${USER_COMMAND:-}
    hostile
}

teardown_file() {
    echo "# hostile guest: $(grep -cE ': (worked|failed)$' "$PLACE/shared/results") attempts," \
        "$(grep -c ': worked$' "$PLACE/shared/results") got through" >&3
    chmod -R u+rwx "$PLACE"
    rm -rf "$PLACE"
}

# as_user COMMAND...: runs the command as an ordinary user.
as_user() {
    # shellcheck disable=SC2086 # several words
    $USER_COMMAND env HOME="$PLACE/home" XDG_CACHE_HOME="$PLACE/home/cache" XDG_RUNTIME_DIR="$PLACE/home/runtime" "$@"
}

# One boot in which the guest's root makes all attempts.
hostile() {
    mkdir -p "$PLACE"/{home,tmp,shared,secret}
    chmod 777 "$PLACE"/{home,tmp,shared}
    as_user mkdir -m 700 "$PLACE/home/runtime"
    # copies of run-vm and init that the user can read
    cp "$RUN_VM_PROGRAM" "$RUN_VM_BUILD/init" "$PLACE"
    echo "the host's secret" >"$PLACE/secret/file"
    chmod 755 "$PLACE/secret"
    chmod 644 "$PLACE/secret/file"
    # a link that the host made leads out of the share too
    ln -s "$PLACE/secret" "$PLACE/shared/host-link"
    ln -s ../secret/file "$PLACE/shared/host-link-to-file"
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    sed "s,@secret@,$PLACE/secret,g" >"$PLACE/shared/test.sh" <<'END'
set -u
cd /tmp/shared
tried() { # NAME COMMAND...: notes whether it worked
    name=$1
    shift
    if "$@" >"$name.out" 2>&1; then echo "$name: worked"; else echo "$name: failed"; fi >>results
}
# out of the share: by the host's links, by the guest's own, and by ..
tried host-link cat host-link/file
tried host-link-to-file cat host-link-to-file
ln -s @secret@ guest-link
ln -s ../../secret/file guest-link-to-file
tried guest-link cat guest-link/file
tried guest-link-to-file cat guest-link-to-file
tried write-guest-link sh -c 'echo overwritten >guest-link/file'
tried parent sh -c 'cat ../secret/file'
# a directory that becomes a link while it is in use
mkdir swap
exec 7<swap
mv swap swapped
ln -s @secret@ swap
tried swapped cat /proc/self/fd/7/file
tried swap cat swap/file
# the host's store
tried mount-store mount -t 9p -o trans=virtio,version=9p2000.L,rw nix-store /mnt
store=/nix/.ro-store
tried remount-store sh -c "mount -o remount,rw $store; touch $store/intruder"
tried write sh -c "echo x >$store/intruder"
tried mkdir mkdir $store/directory
tried chmod sh -c "chmod 777 $store/*-demo-etc"
tried remove sh -c "rm $store/*-demo-etc/passwd"
# the owner of a file on the host, and a program that runs as its owner
echo >owned
tried chown chown 0:0 owned
tried device mknod device b 8 0
# the temporary directory, which run-vm must remove: links, depth, no permissions
cd /tmp/xchg
ln -s @secret@ link-to-directory
ln -s @secret@/file link-to-file
mkdir -p locked/inside
echo >locked/inside/file
chmod 0 locked/inside locked
mkdir deep
cd deep
i=0
while [ $i -lt 1500 ]; do mkdir d && cd d || break; i=$((i + 1)); done
echo "deep $i" >>/tmp/shared/results
cd /
# the console
yes "flooding the console" | head -c 300000 >/dev/console
head -c 10000 /dev/zero | tr '\0' '\033' >/dev/console
echo "console: done" >>/tmp/shared/results
END
    (
        cd "$PLACE/tmp" || exit
        # shellcheck disable=SC2030 # all of it is for this boot
        export SHARED_DIR=$PLACE/shared TMPDIR=$PLACE/tmp NIX_DISK_IMAGE=$PLACE/home/disk.qcow2
        # shellcheck disable=SC2030
        export QEMU_KERNEL_PARAMS="demo.run=/tmp/shared/test.sh demo.action=poweroff"
        as_user timeout --kill-after=30 "$TIME_LIMIT" "$PLACE/run-vm" --config "$DEMO_CONFIG" \
            >"$PLACE/raw" 2>&1 </dev/null
        echo $? >"$PLACE/status"
    ) || true
}

result() { # NAME worked|failed
    says "$PLACE/shared/results" "^$1: $2\$" && return
    cat "$PLACE/shared/$1.out"
    return 1
}

@test "an ordinary user boots a system to its end" {
    [ "$(id -u)" != 0 ] || [ "$(stat -c %U "$PLACE/home/disk.qcow2")" = nobody ]
    [ "$(cat "$PLACE/status")" = 0 ] || {
        tail -n 20 "$PLACE/raw"
        return 1
    }
    says "$PLACE/shared/results" '^console: done$'
    run ! grep -a 'runs as root' "$PLACE/raw"
}

@test "no link leads out of a share" {
    local name
    for name in host-link host-link-to-file guest-link guest-link-to-file write-guest-link parent swapped swap; do
        result "$name" failed
    done
    run ! grep -r "the host's secret" "$PLACE/shared" --include='*.out'
    [ "$(cat "$PLACE/secret/file")" = "the host's secret" ]
}

@test "the host's store cannot be written to, and is not to be had a second time" {
    local store what
    store=$(configured .runVm.store)/nix/store
    for what in mount-store remount-store write mkdir chmod remove; do
        result "$what" failed
    done
    says "$PLACE/shared/write.out" 'Read-only file system'
    [ -z "$(find "$store" -maxdepth 1 -name intruder -o -maxdepth 1 -name directory)" ]
    [ -s "$(echo "$store"/*-demo-etc/passwd)" ]
}

@test "root of the guest makes no files of the host's root, and no devices" {
    result chown failed
    result device failed
    [ -z "$(find "$PLACE/shared" -user root -newer "$PLACE/shared/test.sh")" ] || [ -n "$USER_COMMAND" ]
    [ -z "$(find "$PLACE/shared" -type b)" ]
}

@test "whatever the guest leaves in the temporary directory is removed, and nothing that it links to" {
    says "$PLACE/shared/results" '^deep [0-9]{3,}$'
    [ -z "$(ls -A "$PLACE/tmp")" ]
    [ "$(cat "$PLACE/secret/file")" = "the host's secret" ]
}

@test "a flooded console arrives, and does not keep the guest from its end" {
    [ "$(grep -ac 'flooding the console' "$PLACE/raw")" -gt 10000 ]
}

# The filesystem is in a mount namespace of its own, which needs no root.
@test "a full file system under xchg is the guest's to see, and run-vm ends in order" {
    mkdir "$BATS_TEST_TMPDIR"/{small,shared}
    cat >"$BATS_TEST_TMPDIR/shared/test.sh" <<'END'
cd /tmp/xchg
dd if=/dev/zero of=big bs=64k count=1000 && echo "it all fitted"
echo "$(stat -c %s big) bytes"
rm big && echo "again room" >small && cat small
END
    # shellcheck disable=SC2031 # those before were for another boot
    export SHARED_DIR=$BATS_TEST_TMPDIR/shared TMPDIR=$BATS_TEST_TMPDIR/small NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.qcow2
    # shellcheck disable=SC2031
    export QEMU_KERNEL_PARAMS="demo.run=/tmp/shared/test.sh demo.action=poweroff"
    # shellcheck disable=SC2016 # expanded inside
    run timeout --kill-after=30 "$TIME_LIMIT" unshare --map-root-user --mount bash -c '
        mount -t tmpfs -o size=8m small "$TMPDIR" || exit 99
        "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" </dev/null
        status=$?
        [ -z "$(ls -A "$TMPDIR")" ] || exit 98
        exit "$status"'
    echo "$output" | tail -n 20
    [ "$status" -eq 0 ]
    cat "$SHARED_DIR/test.sh.out"
    grep -q 'No space left on device' "$SHARED_DIR/test.sh.out"
    grep -q '^again room' "$SHARED_DIR/test.sh.out"
    run ! grep 'it all fitted' "$SHARED_DIR/test.sh.out"
}

# store_guest INTERFACE: boots a guest whose root writes to the disk of the store image, even if it is
# marked read-only. The output is in the file `out`.
store_guest() {
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    local script='disk=/dev/vda; [ -b $disk ] || disk=/dev/sda
blockdev --setrw $disk
for offset in 0 1000 1800; do
    dd if=/dev/zero of=$disk bs=64k count=8 seek=$offset conv=notrunc,fsync
done
[ "$offset" = 1800 ] && [ -b $disk ] && echo tried'
    TMPDIR=$PLACE/tmp timeout --kill-after=30 "$TIME_LIMIT" "$PLACE/run-vm" --kernel "$KERNEL" \
        --modules-dir "$MODULES" --root-dir "$PLACE/root" -o virtualisation.diskImage=null \
        -o virtualisation.useNixStoreImage=true -o virtualisation.writableStore=true \
        -o "runVm.store=$(configured .runVm.store)" \
        -o "system.build.storeClosure=$(configured .system.build.regInfo)" \
        -o "virtualisation.qemu.diskInterface=$1" --exec sh -c "$script" </dev/null \
        >"$PLACE/shared/out" 2>&1
}

# Prints the contents of an ordinary user's or root's cache.
cached() {
    find "$1"/run-vm/*/ -type f ! -name info ! -name 'from-*' -exec sha256sum {} + | sort
}

# stays_as_it_was CACHE INTERFACE COMMAND...: the guest that COMMAND runs does not change the cache.
stays_as_it_was() {
    local cache=$1 interface=$2
    shift 2
    # makes all files; QEMU only prints its version
    "$@" env XDG_CACHE_HOME="$cache" QEMU_OPTS=-version bash -uc "store_guest $interface" || true
    cached "$cache" >"$BATS_TEST_TMPDIR/before"
    grep -q /store.img "$BATS_TEST_TMPDIR/before"
    "$@" env XDG_CACHE_HOME="$cache" bash -uc "store_guest $interface" || true
    says "$PLACE/shared/out" '^tried$'
    cached "$cache" | diff "$BATS_TEST_TMPDIR/before" -
    [ -z "$(find "$cache"/run-vm/*/ -type f -perm /222 ! -name info ! -name index \
        ! -name 'from-*')" ]
}

@test "root of the guest cannot change what the cache has, whoever runs it and whatever the disk is" {
    local applet interface store
    store=$(configured .runVm.store)/nix/store
    export KERNEL MODULES TIME_LIMIT
    KERNEL=$(echo "$store"/*-kernel/vmlinuz)
    MODULES=$(echo "$store"/*-kernel-modules/lib/modules/*)
    mkdir -p "$PLACE/root/bin"
    cp "$(dpkg-query -L busybox-static | grep '/bin/busybox$')" "$PLACE/root/bin/busybox"
    for applet in sh dd blockdev; do
        ln -s busybox "$PLACE/root/bin/$applet"
    done
    export -f store_guest configured
    stays_as_it_was "$PLACE/home/cache" virtio as_user
    for interface in virtio ide scsi; do
        stays_as_it_was "$BATS_TEST_TMPDIR/cache" "$interface"
    done
}
