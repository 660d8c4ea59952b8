#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031 # each test exports options of its own
# Short options of the command line in real guests.

load harness
load command

setup_file() {
    make_root
    make_guest
}

@test "--share :ro is read-only whatever the guest's root does, and --port 0:N is reached" {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir read write
    echo "the host's" >read/file
    echo '#!/bin/sh
        grep -q "^dir_mnt_read /mnt/read 9p ro," /proc/mounts || exit 1
        mount -o remount,rw /mnt/read
        for attempt in "touch /mnt/read/planted" "rm /mnt/read/file" "chmod 777 /mnt/read/file" "echo x >>/mnt/read/file"; do
            if sh -c "$attempt"; then exit 2; fi
        done
        cat /mnt/read/file >/mnt/write/copy || exit 3
        modprobe virtio_net 2>/dev/null
        ip link set lo up
        ip link set eth0 up
        ip addr add 10.0.2.15/24 dev eth0
        : >/mnt/write/ready
        echo "hello from the guest" | nc -l -p 7777
    ' >"$ROOT/root/script"
    export OPTIONS="-m 256M -c 1 --share read:ro --share write:/mnt/write --port 0:7777"
    OPTIONS+=' -o boot.initrd.kernelModules=["virtio_net"]'
    ends 0 sh /root/script &
    until [ -e write/ready ]; do
        kill -0 $! || break
        sleep 0.2
    done
    port=$(sed -n 's/.*port 7777 of the guest is port \([0-9]*\) of the host, at 127.0.0.1$/\1/p' err)
    until answer=$(socat -T 20 -u "TCP:127.0.0.1:$port" - 2>/dev/null) && [ -n "$answer" ]; do
        kill -0 $! || break
        sleep 0.2
    done
    [ "$answer" = "hello from the guest" ]
    wait $!
    [ "$(cat write/copy)" = "the host's" ]
    [ "$(ls read)" = file ]
}

# image FORMAT: makes the disk image $NIX_DISK_IMAGE with the guest's root; the guests then boot from it.
image() {
    export NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.img
    mke2fs -q -t ext4 -d "$ROOT" "$BATS_TEST_TMPDIR/raw.img" 64M
    qemu-img convert -f raw -O "$1" "$BATS_TEST_TMPDIR/raw.img" "$NIX_DISK_IMAGE"
    # the guest's root is the disk: nothing but the program changes
    sed 's/ --root-dir "$ROOT"/ --init \/bin\/sh/' "$BATS_FILE_TMPDIR/bin/guest" >"$BATS_TEST_TMPDIR/guest"
    chmod +x "$BATS_TEST_TMPDIR/guest"
    export PATH=$BATS_TEST_TMPDIR:$PATH
}

@test "--fresh and --ro leave the disk image byte for byte, also with two guests on it" {
    image raw
    sum=$(sha256sum "$NIX_DISK_IMAGE")
    mkdir "$BATS_TEST_TMPDIR/both"
    # each waits for the other
    local both='touch /mnt/$0 && n=0; until [ -e /mnt/$1 ]; do [ $((n += 1)) -lt 120 ] || exit 9; sleep 1; done'
    export OPTIONS="-m 256M --share $BATS_TEST_TMPDIR/both:/mnt --ro"
    ends 0 sh -c "echo x >/root/file && cat /root/file && ! dd if=/dev/zero of=/dev/vda bs=512 count=1 && $both" ro fresh &
    OPTIONS="${OPTIONS%--ro}--fresh" guest sh -c "echo x >/root/file && sync && mount | grep '^/dev/vda on / type ext4 (rw,' && $both" fresh ro \
        </dev/null >"$BATS_TEST_TMPDIR/fresh" 2>&1
    wait $!
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = x ]
    [ "$(sha256sum "$NIX_DISK_IMAGE")" = "$sum" ]
}

# blocks: prints the size of the filesystem on the raw image, in blocks.
blocks() {
    od -An -t u4 -j $((1024 + 4)) -N 4 "$NIX_DISK_IMAGE"
}

@test "--grow lets an image grow with its filesystem, also after a power loss while it grows" {
    image raw
    before=$(blocks)
    export OPTIONS="-m 256M -c 1 --grow 3G"
    setsid "$BATS_TEST_TMPDIR/guest" sh -c 'sleep 100' </dev/null >"$BATS_TEST_TMPDIR/killed" 2>&1 &
    until [ "$(blocks)" != "$before" ]; do
        kill -0 $! || break
    done
    kill -KILL -- -$!
    wait $! || true
    during=$(blocks)
    echo "$before blocks, then $during"
    ends 0 sh -c 'df -m / && md5sum /bin/busybox'
    [ "$(awk '/dev/ { print ($2 > 2700) }' "$BATS_TEST_TMPDIR/out")" = 1 ]
    grep -q "$(md5sum <"$ROOT/bin/busybox" | cut -c 1-32)" "$BATS_TEST_TMPDIR/out"
    e2fsck -fn "$NIX_DISK_IMAGE"
    [ "$(stat -c %s "$NIX_DISK_IMAGE")" = $((3 << 30)) ]
}
