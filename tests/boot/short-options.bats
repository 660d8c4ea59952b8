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
    ends 0 sh /root/script 3>&- &
    while_runs $! [ -e write/ready ]
    port=$(sed -n 's/.*port 7777 of the guest is port \([0-9]*\) of the host, at 127.0.0.1$/\1/p' err)
    # repeats a refused call: the guest may listen a moment later
    called() {
        answer=$(socat -T 120 -u "TCP:127.0.0.1:$port" - 2>/dev/null) && [ -n "$answer" ]
    }
    while_runs $! called
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
    local both='touch /mnt/$0 && n=0; until [ -e /mnt/$1 ]; do [ $((n += 1)) -lt 300 ] || exit 9; sleep 1; done'
    export OPTIONS="-m 256M --share $BATS_TEST_TMPDIR/both:/mnt --ro"
    ends 0 sh -c "echo x >/root/file && cat /root/file && ! dd if=/dev/zero of=/dev/vda bs=512 count=1 && $both" ro fresh 3>&- &
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

# has_grown: the filesystem has no longer as many blocks as before.
has_grown() {
    [ "$(blocks)" != "$before" ]
}

@test "--grow lets an image grow with its filesystem, also after a power loss while it grows" {
    image raw
    before=$(blocks)
    export OPTIONS="-m 256M -c 1 --grow 3G"
    setsid "$BATS_TEST_TMPDIR/guest" sh -c 'sleep 100' </dev/null >"$BATS_TEST_TMPDIR/killed" 2>&1 3>&- &
    while_runs $! has_grown || true
    local killed
    killed=$(pgrep -g $!)
    kill -KILL -- -$!
    wait $! || true
    # they hold the locks of the image until they are gone
    for pid in $killed; do until_true is_gone "$pid"; done
    during=$(blocks)
    echo "$before blocks, then $during"
    ends 0 sh -c 'df -m / && md5sum /bin/busybox'
    [ "$(awk '/dev/ { print ($2 > 2700) }' "$BATS_TEST_TMPDIR/out")" = 1 ]
    grep -q "$(md5sum <"$ROOT/bin/busybox" | cut -c 1-32)" "$BATS_TEST_TMPDIR/out"
    e2fsck -fn "$NIX_DISK_IMAGE"
    [ "$(stat -c %s "$NIX_DISK_IMAGE")" = $((3 << 30)) ]
}

@test "--efi, --tpm, --disk, a udp --port and --display vnc are there in the guest, and leave nothing behind" {
    cd "$BATS_TEST_TMPDIR" || return
    musl-gcc -static -O1 -I"$BATS_TEST_DIRNAME/../.." -o "$ROOT/root/udp-answer" "$BATS_TEST_DIRNAME/udp-answer.c"
    mkdir tmp report
    truncate -s 8M second.img
    printf 'on the second disk' | dd of=second.img conv=notrunc status=none
    echo '#!/bin/sh
        cd /mnt
        {
            ls -d /sys/firmware/efi
            cat /sys/class/tpm/tpm0/tpm_version_major /sys/block/vda/size /sys/block/vdb/size
            head -c 18 /dev/vdb
            /root/udp-answer 9 "an answer"
        } >seen 2>&1
        poweroff -f' >"$ROOT/root/report"
    chmod +x "$ROOT/root/report"
    local port socket greeting run_vm
    port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    TMPDIR=$PWD/tmp timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" --modules-dir "$MODULES" \
        --root-dir "$ROOT" --init /root/report --efi --tpm --disk 100M --disk second.img --share report:/mnt \
        --port "$port:9/udp" --display vnc </dev/null >out 2>&1 3>&- &
    run_vm=$!
    # the display is there before the guest; its server waits for an answer to its greeting
    until socket=$(sed -n 's/.*display: VNC on the socket //p' out) && [ -S "$socket" ] &&
        greeting=$(socat -T 1 -u "UNIX-CONNECT:$socket" - 2>/dev/null) && [ -n "$greeting" ]; do
        kill -0 "$run_vm" || { cat out; return 1; }
        sleep 0.1
    done
    [ "$greeting" = "RFB 003.008" ]
    # until one has arrived, after which the guest powers off
    while kill -0 "$run_vm" 2>/dev/null; do
        echo "a datagram" | socat -u - "UDP:127.0.0.1:$port" 2>/dev/null || true
        sleep 0.2
    done
    wait "$run_vm" || { cat out; return 1; }
    cat report/seen
    [ "$(cat report/seen)" = "$(printf '%s\n' /sys/firmware/efi 2 204800 16384 'on the second diska datagram')" ]
    [ "$(ls)" = "$(printf '%s\n' out report second.img tmp)" ]
    [ -z "$(ls -A tmp)" ]
}
