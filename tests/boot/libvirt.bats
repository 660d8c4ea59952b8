#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The demonstration system as a domain of real libvirts: of a user's, and of the host's.

load harness

setup_file() {
    [ "$(id -u)" = 0 ] || skip "only root can become another user"
    # short, for libvirt's sockets are in it, and where every user can go
    PLACE=$(mktemp -d /var/tmp/lv.XXXXXX)
    chmod 755 "$PLACE"
    export PLACE
    readable_demo
}

teardown_file() {
    [ -z "${PLACE:-}" ] || rm -rf "$PLACE"
}

# readable_demo: copies all that a machine of another user's needs. Hard links would change the times of the
# originals, by which other tests' caches know them.
readable_demo() {
    local store
    store=$(jq -r .runVm.store "$DEMO_CONFIG")
    mkdir -p "$PLACE/store/nix/store"
    cp -a "$store"/nix/store/* "$PLACE/store/nix/store"
    cp "$RUN_VM_PROGRAM" "${RUN_VM_INIT:-$RUN_VM_BUILD/init}" "$PLACE"
    jq --arg store "$PLACE/store" '.runVm.store = $store' "$DEMO_CONFIG" >"$PLACE/demo.json"
}

# domain session|system UID [OPTION...]: boots the system, whose guest runs the script on standard input.
domain() {
    local dir=$PLACE/$1
    mkdir -p "$dir"
    cat >"$dir/test.sh"
    RUN_VM_PROGRAM=$PLACE/run-vm "$BATS_TEST_DIRNAME/libvirt-domain" "$1" "$2" "$dir" \
        --config "$PLACE/demo.json" --guest-init "$PLACE/init" --accel tcg \
        -o "virtualisation.diskImage=$dir/disk.qcow2" \
        --append "demo.action=poweroff demo.run=/tmp/xchg/test.sh" "${@:3}" || {
        tail -n 20 "$dir/libvirtd.log" "$dir"/home/.cache/libvirt/qemu/log/* || true
        return 1
    }
    [ "$(cat "$dir/files/xchg/test.sh.status")" = 0 ]
}

@test "a user's libvirt boots the system with the host's store, which it cannot write to" {
    domain session 61003 <<'EOT'
set -e
grep ' / ext4 ' /proc/mounts
grep ' /nix/.ro-store 9p ro,' /proc/mounts
mount -o remount,rw /nix/.ro-store
! touch /nix/.ro-store/x
EOT
}

@test "the host's libvirt boots the system from a store image, with shares by virtiofs" {
    domain system 0 -o virtualisation.useNixStoreImage=true -o virtualisation.mountHostNixStore=false \
        -o virtualisation.writableStore=false -o runVm.transport=virtiofs \
        -o "system.build.storeClosure=$(jq -r .system.build.regInfo "$DEMO_CONFIG")" <<'EOT'
set -e
grep ' / ext4 ' /proc/mounts
grep ' /nix/store erofs ro,' /proc/mounts
grep ' /tmp/xchg virtiofs ' /proc/mounts
EOT
    # libvirt changes no owner
    [ "$(stat -c %u "$PLACE"/system/{disk.qcow2,files/kernel,files/store.img} | sort -u)" = 0 ]
}
