#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Shares on virtiofs, each with a virtiofsd that run-vm starts before QEMU and stops after it.

load harness

# Prints the process IDs of the virtiofsds that this file's boots have started; other files' run beside them.
servers() {
    local pid found=1
    for pid in $(pgrep virtiofsd); do
        if grep -qzFx "BATS_FILE_TMPDIR=$BATS_FILE_TMPDIR" "/proc/$pid/environ"; then
            echo "$pid"
            found=0
        fi
    done 2>/dev/null # one may end meanwhile
    return "$found"
}

setup_file() {
    STORE=$(jq -er .runVm.store "$DEMO_CONFIG")/nix/store
    export STORE BEFORE
    BEFORE=$(fingerprint "$STORE")
    SECRET=$BATS_FILE_TMPDIR/secret
    mkdir "$SECRET"
    echo "the host's secret" >"$SECRET/file"
    export SECRET
    mkdir -p "$BATS_FILE_TMPDIR/vm/xchg"
    ln -s "$SECRET" "$BATS_FILE_TMPDIR/vm/xchg/host-link"
    echo "$SECRET" >"$BATS_FILE_TMPDIR/vm/xchg/where"
    # shellcheck disable=SC2016 # expanded by that shell
    timeout 300 bash -c "$(declare -f servers)"'
        until servers >"$BATS_FILE_TMPDIR/servers"; do sleep 0.1; done' &
    # One share stays on 9p: the transport is a setting of each share.
    boot vm -o runVm.storeTransport=virtiofs -o runVm.shares.xchg.transport=virtiofs <<'END'
set -ux
cd /tmp/xchg
cat /proc/mounts >mounts
nix-store --verify --check-contents >verified 2>&1 || exit 1
echo "from the guest" >"from, the guest"
# the attempts of a hostile guest's root; a successful one is recorded
attempt() { # NAME COMMAND...
    name=$1
    shift
    if "$@" >"$name.attempt" 2>&1; then echo "$name" >>got-through; fi
    echo "$name" >>attempts
}
touch got-through
secret=$(cat where)
store=/nix/.ro-store
mkdir /mnt2
# root in the guest may mount as it likes, and still cannot write to the host's store
mount -o remount,rw $store
attempt create touch $store/planted
attempt second-mount sh -c 'mount -t virtiofs -o rw nix-store /mnt2 && touch /mnt2/planted'
attempt bind-remount sh -c "mount --bind $store /mnt2 && mount -o remount,bind,rw /mnt2 && touch /mnt2/planted"
attempt chmod sh -c "chmod 777 $store/*-demo-etc"
attempt chown sh -c "chown 1:1 $store/*-demo-etc"
attempt mknod mknod $store/device b 8 0
attempt mkdir mkdir $store/directory
attempt symlink ln -s /etc $store/link
attempt hard-link sh -c "ln $store/*-demo-etc/passwd $store/passwd"
attempt append sh -c "echo x >>\$(echo $store/*-demo-etc/passwd)"
attempt remove sh -c "rm $store/*-demo-etc/passwd"
attempt host-link cat host-link/file
ln -s "$secret" guest-link
attempt guest-link cat guest-link/file
attempt write-guest-link sh -c 'echo overwritten >guest-link/file'
attempt parent cat "../../secret/file"
# a directory that becomes a link while it is in use
mkdir swap
exec 7<swap
mv swap swapped
ln -s "$secret" swap
attempt swapped cat /proc/self/fd/7/file
attempt swap cat swap/file
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
    local attempt
    for attempt in create remove bind-remount chmod chown mknod mkdir symlink append; do
        says "$BATS_FILE_TMPDIR/vm/xchg/$attempt.attempt" 'Read-only file system'
    done
    [ "$(fingerprint "$STORE")" = "$BEFORE" ]
}

@test "no link leads out of a share, and nothing that a hostile guest tries gets through" {
    local xchg=$BATS_FILE_TMPDIR/vm/xchg attempts through
    attempts=$(wc -l <"$xchg/attempts")
    through=$(wc -l <"$xchg/got-through")
    echo "# hostile guest on virtiofs: $attempts attempts, $through got through" >&3
    cat "$xchg/got-through"
    [ "$attempts" = 17 ]
    [ "$through" = 0 ]
    run ! grep -r "the host's secret" "$xchg" --include='*.attempt'
    [ "$(cat "$SECRET/file")" = "the host's secret" ]
    [ "$(fingerprint "$STORE")" = "$BEFORE" ]
}

@test "no server is left when QEMU has ended" {
    [ -s "$BATS_FILE_TMPDIR/servers" ]
    run ! servers
}
