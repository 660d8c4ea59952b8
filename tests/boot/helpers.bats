#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# QEMU's bridge helper, a set-user-ID program that makes a network for an ordinary user.

load harness
load command

setup_file() {
    [ "$EUID" = 0 ] || skip "a setuid helper is root's to make"
    make_root
    make_guest
    chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/file"
    cp -r --dereference "$(dirname "$KERNEL")" "$BATS_FILE_TMPDIR/kernel"
    KERNEL=$(echo "$BATS_FILE_TMPDIR"/kernel/vmlinuz-*)
    export MODULES KERNEL
    MODULES=$(echo "$BATS_FILE_TMPDIR"/kernel/lib/modules/*)
    # as on Debian, only the mode makes it privileged
    install --mode=4755 /usr/lib/qemu/qemu-bridge-helper "$BATS_FILE_TMPDIR/helper"
    install "$RUN_VM_PROGRAM" "$RUN_VM_INIT" "$BATS_FILE_TMPDIR/bin"
    cat >"$BATS_FILE_TMPDIR/bridge.json" <<END
{"virtualisation": {"graphics": false, "diskImage": null, "qemu": {"networkingOptions":
    {"_type": "override", "priority": 50, "content": [
        "-netdev bridge,id=hn0,br=br0,helper=$BATS_FILE_TMPDIR/helper",
        "-device virtio-net-pci,netdev=hn0"]}}},
 "boot": {"initrd": {"kernelModules": ["virtio_net"]}}}
END
}

# The guest's script: calls the host over the bridge.
# shellcheck disable=SC2016 # the guest's shell is to expand it
call_host='cd /sys/class/net
for card in *; do
    ip link set $card up
    [ $card = lo ] || ip addr add 192.0.2.2/24 dev $card
done
nc -w 20 192.0.2.1 9000 </dev/null'

@test "an ordinary user's guest has a card on the bridge" {
    export call_host
    # shellcheck disable=SC2016 # expanded inside
    unshare --net --mount --pid --fork --kill-child bash -euc '
        mkdir "$BATS_TEST_TMPDIR/etc" "$BATS_TEST_TMPDIR/tmp"
        cp -a /etc/. "$BATS_TEST_TMPDIR/etc"
        mkdir -p "$BATS_TEST_TMPDIR/etc/qemu"
        echo "allow br0" >"$BATS_TEST_TMPDIR/etc/qemu/bridge.conf"
        mount --bind "$BATS_TEST_TMPDIR/etc" /etc
        busybox ip link add br0 type bridge
        busybox ip addr add 192.0.2.1/24 dev br0
        busybox ip link set br0 up
        socat TCP-LISTEN:9000,bind=192.0.2.1,fork "SYSTEM:echo over the bridge" 3>&- &
        chown 65534:65534 "$BATS_TEST_TMPDIR/tmp"
        cd "$BATS_TEST_TMPDIR/tmp"
        HOME=$PWD TMPDIR=$PWD RUN_VM_PROGRAM=$BATS_FILE_TMPDIR/bin/run-vm \
            OPTIONS="--config $BATS_FILE_TMPDIR/bridge.json" \
            setpriv --reuid 65534 --regid 65534 --clear-groups \
            "$BATS_FILE_TMPDIR/bin/guest" sh -c "$call_host" </dev/null
    ' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || cat "$BATS_TEST_TMPDIR/err"
    says "$BATS_TEST_TMPDIR/out" '^over the bridge$'
    says "$BATS_TEST_TMPDIR/err" 'warning: QEMU runs without a sandbox: "-netdev bridge,.* has it start a program'
}
