#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A root without the kernel's modules: they are a share at /lib/modules/VERSION, and the drivers of
# network card and power button are loaded.

load harness
load command

# A root with kmod's own programs besides busybox, and with /lib as a link, as in distributions.
setup_file() {
    local library
    make_root
    mkdir -p "$ROOT/usr/lib" "$ROOT/sbin"
    ln -s usr/lib "$ROOT/lib"
    rm -f "$ROOT"/bin/{modprobe,lsmod,depmod}
    cp "$(command -v kmod)" "$ROOT/sbin/kmod"
    ln -s kmod "$ROOT/sbin/modprobe"
    ln -s kmod "$ROOT/sbin/lsmod"
    for library in $(ldd "$(command -v kmod)" | grep -o '/[^ ]*'); do
        mkdir -p "$ROOT/usr${library%/*}"
        cp -L "$library" "$ROOT/usr$library"
    done
    [ ! -d "$ROOT/usr/lib64" ] || ln -s usr/lib64 "$ROOT/lib64"
    make_guest
}

@test "a network card, a power button, and every module of the kernel for the root's own modprobe" {
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    ends 0 sh -c '
        cd /lib/modules/$(uname -r) || exit 2
        [ $(find . -name "*.ko" | wc -l) -gt 3000 ] || exit 3
        ! touch here || exit 4
        echo cards: $(ls /sys/class/net)
        echo buttons: $(cat /sys/class/input/event*/device/name)
        modprobe nf_tables && modprobe virtio_net && modprobe button || exit 5
        lsmod | grep -q "^nf_tables " || exit 6
        head -n 1 modules.order'
    says "$BATS_TEST_TMPDIR/out" '^cards: .*eth0'
    says "$BATS_TEST_TMPDIR/out" '^buttons: .*Power Button'
    says "$BATS_TEST_TMPDIR/out" "^$(head -n 1 "$MODULES/modules.order")"
    [ ! -e "$ROOT/usr/lib/modules" ]
}

@test "what the root has at /lib/modules/VERSION is not hidden; other versions beside it stay; other cards" {
    local version=${MODULES##*/}
    mkdir -p "$ROOT/usr/lib/modules/$version" "$ROOT/usr/lib/modules/1.2.3"
    touch "$ROOT/usr/lib/modules/1.2.3/other"
    # an existing directory stays; VERSION's is empty, so the share is mounted on it
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    OPTIONS="-o virtualisation.qemu.networkingOptions={\"_type\":\"override\",\"priority\":50,\"content\":[\"-nic\tuser,model=e1000\"]}" \
        ends 0 sh -c 'ls /lib/modules/1.2.3 && test -e /lib/modules/$(uname -r)/modules.dep && ls /sys/class/net'
    says "$BATS_TEST_TMPDIR/out" '^other$'
    says "$BATS_TEST_TMPDIR/out" '^eth0$'
    touch "$ROOT/usr/lib/modules/$version/own"
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    ends 0 sh -c 'ls /lib/modules/$(uname -r)'
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = own ]
    rm -r "$ROOT/usr/lib/modules"
}

@test "a NixOS system with a store of its own: --exec has the modules too" {
    DEMO=${DEMO_CONFIG:-$("$BATS_TEST_DIRNAME/../../scripts/build-demo")}
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.qcow2 timeout --foreground "$TIME_LIMIT" "$RUN_VM_PROGRAM" \
        --config "$DEMO" --exec sh -c 'test -e /lib/modules/$(uname -r)/modules.dep && ls /sys/class/net' \
        </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    says "$BATS_TEST_TMPDIR/out" '^eth0$'
}
